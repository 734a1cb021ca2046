// Numbers and times as people read them.

const grouped = new Intl.NumberFormat("en");
const four = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en", {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
});
const day = new Intl.DateTimeFormat("en", { month: "short", day: "numeric" });

export const none = "–";
export const isNumber = value => typeof value === "number" && Number.isFinite(value);
export const whole = value => isNumber(value) ? grouped.format(Math.round(value)) : none;
export const compact = value => isNumber(value) ? short.format(value) : none;
export const percent = value => isNumber(value) ? `${(100 * value).toFixed(2)} %` : none;
export const share = value => isNumber(value) ? `${Math.round(100 * value)} %` : none;

export function plain(value) {
  if (!isNumber(value)) return none;
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-4 || size >= 1e15)
    ? value.toExponential(3)
    : four.format(value);
}

export const ms = value => !isNumber(value) ? none
  : value >= 10_000 ? `${(value / 1000).toFixed(1)} s`
  : `${value >= 100 ? value.toFixed(0) : value.toFixed(1)} ms`;

export function bytes(value) {
  if (!value) return none;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export function seconds(value) {
  if (!isNumber(value)) return none;
  if (value < 60) return `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
  if (value < 3600) return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
  return `${Math.floor(value / 3600)} h ${Math.round((value % 3600) / 60)} min`;
}

export const time = at => {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? clock.format(date) : `${day.format(date)} ${clock.format(date)}`;
};

// Names as people count them: w2 before w10.
export const natural = new Intl.Collator("en", { numeric: true }).compare;

export const count = (number, one, many = `${one}s`) =>
  `${whole(number)} ${number === 1 ? one : many}`;
