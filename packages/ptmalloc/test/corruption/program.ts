/** A corruption: its name, the message that the library must end with ("" when it must not notice), and the program. */
export type Program = readonly [name: string, says: string, text: string];
