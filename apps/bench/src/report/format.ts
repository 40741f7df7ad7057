/** A number with so many significant digits, without an exponent. */
export const digits = (value: number, count = 3): string => {
  if (!Number.isFinite(value)) return "-";
  const whole = Math.floor(Math.log10(Math.max(Math.abs(value), 1))) + 1;
  return value.toFixed(Math.max(0, count - whole));
};

/** Bytes in the unit that reads best. */
export const bytes = (value: number): string => {
  if (value < 1024) return `${value} B`;
  if (value < 2 ** 20) return `${digits(value / 1024)} KiB`;
  return value < 2 ** 30 ? `${digits(value / 2 ** 20)} MiB` : `${digits(value / 2 ** 30)} GiB`;
};

/** A share from 0 to 1 as a percentage, "-" for none. */
export const percent = (share: number | null): string =>
  share === null || Number.isNaN(share) ? "-" : `${(share * 100).toFixed(1)}%`;

/** A number or "-". */
export const orDash = (value: number | null | undefined): string =>
  value === null || value === undefined ? "-" : digits(value);
