/** A mistake of the user's: the command line prints its message as one line and exits with code 2. */
export class UserError extends Error {}
