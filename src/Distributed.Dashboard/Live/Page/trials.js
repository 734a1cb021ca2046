// A sweep's trials in columns of numbers: a hundred thousand of them sort and filter at once.

import { natural } from "./format.js";
import { get } from "./jobs.js";
import { state } from "./store.js";

const pageTrials = 10_000;

export class Trials {
  length = 0;
  states = new Uint8Array(1024);
  epochs = new Float64Array(1024);
  seconds = new Float64Array(1024);
  stateNames = [];
  values = [];
  // { name, texts, numbers, isNumeric, ranks: Map of text → its place, once asked for }
  parameters = [];
  reasons = new Map();
  jobs = new Map();
  #version = 0;
  #source = "";
  #isAsking = false;

  constructor(sweep) {
    this.sweep = sweep;
  }

  // Asks for what has changed and calls for each part that came; the first time that is all.
  // False where it is to be tried once more.
  async renew(onPart) {
    if (this.#isAsking) return false;
    this.#isAsking = true;
    try {
      // Another coordinator counts its versions from anew.
      const source = `${state.overview.startedMs} ${state.overview.term}`;
      if (source !== this.#source) this.#version = 0;
      this.#source = source;
      const since = this.#version;
      let version = since;
      let from = 0;
      while (from !== null) {
        const part = await get(`api/sweeps/${this.sweep}/trials?since=${since}&from=${from}`
          + `&count=${pageTrials}`);
        if (part === null) return false;
        if (from === 0) version = part.version;
        this.#take(part);
        from = part.next;
        if (part.numbers.length > 0) onPart(from === null);
      }
      this.#version = version;
      return true;
    } finally {
      this.#isAsking = false;
    }
  }

  #take(part) {
    this.stateNames = part.stateNames;
    const last = part.numbers[part.numbers.length - 1] ?? -1;
    this.#grow(last + 1);
    while (this.values.length < part.values.length)
      this.values.push(new Float64Array(this.states.length).fill(NaN));
    for (const { name } of part.parameters.slice(this.parameters.length))
      this.parameters.push({
        name, texts: [], numbers: new Float64Array(this.states.length).fill(NaN),
        isNumeric: true, ranks: null,
      });
    part.numbers.forEach((number, index) => {
      this.states[number] = part.states[index];
      this.epochs[number] = part.epochs[index];
      this.seconds[number] = part.seconds[index];
      this.reasons.delete(number);
      this.jobs.delete(number);
    });
    part.values.forEach((column, objective) => column.forEach((value, index) => {
      this.values[objective][part.numbers[index]] = value ?? NaN;
    }));
    part.parameters.forEach(({ texts }, place) => take(this.parameters[place], part, texts));
    for (const [index, reason] of Object.entries(part.reasons))
      this.reasons.set(part.numbers[index], reason);
    for (const [index, job] of Object.entries(part.jobs))
      this.jobs.set(part.numbers[index], job);
  }

  #grow(length) {
    this.length = Math.max(this.length, length);
    if (length <= this.states.length) return;
    const size = Math.max(length, 2 * this.states.length);
    const grown = (old, fill) => {
      const next = new old.constructor(size);
      next.set(old);
      return next.fill(fill, old.length);
    };
    this.states = grown(this.states, 0);
    this.epochs = grown(this.epochs, NaN);
    this.seconds = grown(this.seconds, NaN);
    this.values = this.values.map(column => grown(column, NaN));
    for (const column of this.parameters) column.numbers = grown(column.numbers, NaN);
  }

  // The numbers to sort a column by; words by their order.
  keys(key) {
    if (key === "number") return this.#each(index => index);
    if (key === "state") return this.states;
    if (key === "epoch") return this.epochs;
    if (key === "seconds") return this.seconds;
    const [kind, place] = key.split(":");
    if (kind === "value") return this.values[place];
    const column = this.parameters[place];
    if (column.isNumeric) return column.numbers;
    const ranks = rankOf(column);
    return this.#each(index => ranks.get(column.texts[index]) ?? NaN);
  }

  #each(value) {
    const keys = new Float64Array(this.length);
    for (let index = 0; index < keys.length; index++) keys[index] = value(index);
    return keys;
  }
}

function take(column, part, texts) {
  texts.forEach((text, index) => {
    const number = part.numbers[index];
    column.texts[number] = text;
    if (text === null) {
      column.numbers[number] = NaN;
      return;
    }
    const value = Number(text);
    column.numbers[number] = value;
    if (Number.isNaN(value) || text === "") column.isNumeric = false;
    if (column.ranks !== null && !column.ranks.has(text)) column.ranks = null;
  });
}

export function rankOf(column) {
  if (column.ranks !== null) return column.ranks;
  const found = new Set(column.texts);
  found.delete(null);
  found.delete(undefined);
  column.ranks = new Map([...found].sort(natural).map((text, rank) => [text, rank]));
  return column.ranks;
}

// Sorts indices by 64-bit keys, sixteen bits at a time, which is many times faster than comparing
// two by two. Stable; what is not a number comes last either way.
export function order(indices, keys, isDescending) {
  const length = indices.length;
  const low = new Uint32Array(length);
  const high = new Uint32Array(length);
  const value = new Float64Array(1);
  const bits = new Uint32Array(value.buffer);
  for (let at = 0; at < length; at++) {
    value[0] = keys[indices[at]];
    if (Number.isNaN(value[0])) {
      low[at] = high[at] = 0xffffffff;
      continue;
    }
    const isNegative = bits[1] >>> 31 === 1;
    const flip = isNegative !== isDescending;
    // Negative numbers stand in reverse, below the positive ones; then all of them in reverse
    // where the greatest is to come first.
    low[at] = flip ? ~bits[0] : bits[0];
    const upper = isNegative ? ~bits[1] : bits[1] ^ 0x80000000;
    high[at] = isDescending ? ~upper : upper;
  }
  let from = Uint32Array.from({ length }, (_, at) => at);
  let to = new Uint32Array(length);
  for (const [words, shift] of [[low, 0], [low, 16], [high, 0], [high, 16]]) {
    const starts = new Uint32Array(65537);
    for (let at = 0; at < length; at++) starts[((words[at] >>> shift) & 0xffff) + 1]++;
    // Small numbers and ranks of words are alike in most of their bits.
    if (length === 0 || starts[((words[0] >>> shift) & 0xffff) + 1] === length) continue;
    for (let bucket = 0; bucket < 65536; bucket++) starts[bucket + 1] += starts[bucket];
    for (let at = 0; at < length; at++) {
      const place = from[at];
      to[starts[(words[place] >>> shift) & 0xffff]++] = place;
    }
    [from, to] = [to, from];
  }
  return Uint32Array.from(from, place => indices[place]);
}

// The trials that fit words such as "adam rate<0.01 #17 failed": all of them must hold.
export function filter(trials, text, stateName) {
  const tests = text.trim().toLowerCase().split(/\s+/).filter(Boolean).map(word =>
    test(trials, word));
  const wanted = stateName === "" ? -1 : trials.stateNames.indexOf(stateName);
  const found = new Uint32Array(trials.length);
  let length = 0;
  for (let index = 0; index < trials.length; index++) {
    if (wanted >= 0 && trials.states[index] !== wanted) continue;
    let fits = true;
    for (const holds of tests) {
      if (!holds(index)) {
        fits = false;
        break;
      }
    }
    if (fits) found[length++] = index;
  }
  return found.subarray(0, length);
}

function test(trials, word) {
  if (/^#\d+$/.test(word)) {
    const number = Number(word.slice(1));
    return index => index === number;
  }
  const parts = /^([^<>=!]+)(<=|>=|!=|=|<|>)(.*)$/.exec(word);
  if (parts !== null) {
    const column = trials.parameters.find(each => {
      const name = each.name.toLowerCase();
      return name === parts[1] || name.endsWith(`.${parts[1]}`);
    }) ?? trials.parameters.find(each => each.name.toLowerCase().includes(parts[1]));
    return column ? compare(column, parts[2], parts[3]) : () => false;
  }
  const fitState = trials.stateNames.findIndex(name => name.startsWith(word));
  // Each text of a column is looked at once, not once a trial.
  const fitting = trials.parameters.filter(column => !column.isNumeric).map(column => ({
    texts: column.texts,
    found: new Set([...rankOf(column).keys()].filter(text => text.toLowerCase().includes(word))),
  }));
  return index => trials.states[index] === fitState
    || fitting.some(({ texts, found }) => found.has(texts[index]))
    || (trials.reasons.get(index)?.toLowerCase().includes(word) ?? false);
}

function compare(column, operator, text) {
  const value = Number(text);
  const { numbers, texts } = column;
  if (!column.isNumeric || Number.isNaN(value) || text === "") {
    return operator === "=" ? index => texts[index]?.toLowerCase() === text
      : operator === "!=" ? index => texts[index]?.toLowerCase() !== text
      : () => false;
  }
  return {
    "<": index => numbers[index] < value, "<=": index => numbers[index] <= value,
    ">": index => numbers[index] > value, ">=": index => numbers[index] >= value,
    "=": index => numbers[index] === value, "!=": index => numbers[index] !== value,
  }[operator];
}

// The trials than which none is better in both; ascending in the first. Losses: less is better.
export function front(indices, first, second) {
  const found = [];
  let best = Infinity;
  for (const index of order(indices, first, false)) {
    if (Number.isNaN(first[index])) break;
    if (!(second[index] < best)) continue;
    // Of those that are equal in the first, the best in the second stays.
    const last = found[found.length - 1];
    if (last !== undefined && first[last] === first[index]) found.pop();
    best = second[index];
    found.push(index);
  }
  return found;
}

// At most so many, evenly spread.
export function sample(indices, most) {
  if (indices.length <= most) return Array.from(indices);
  return Array.from({ length: most }, (_, at) =>
    indices[Math.floor(at * indices.length / most)]);
}
