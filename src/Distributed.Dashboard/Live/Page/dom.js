// Makes elements. Texts go in as text nodes: nothing that a worker says is ever read as HTML.

export function el(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name === "class" ? "class" : name, value === true ? "" : value);
  }
  element.append(...children.flat().filter(child => child !== null && child !== undefined));
  return element;
}

// Says the text only where it is another one: what did not change costs the browser nothing.
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function mark(element, name, value) {
  if (value === null || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

export const section = (id, heading, ...children) =>
  el("section", { "aria-labelledby": id }, el("h2", { id }, heading), ...children);

// A list of names and values whose values can be renewed.
export function facts(entries) {
  const values = new Map();
  const list = el("dl", { class: "facts" }, entries.map(([key, name]) => {
    const value = el("dd", {});
    values.set(key, value);
    return el("div", {}, el("dt", {}, name), value);
  }));
  return { list, set: (key, text) => say(values.get(key), text) };
}

export function announce(text) {
  say(document.getElementById("announcement"), text);
}

// Calls at most once in so many milliseconds; what is asked for in between is done at their end.
export function seldom(action, everyMs) {
  let last = -Infinity;
  let waiting = 0;
  const run = () => {
    clearTimeout(waiting);
    waiting = 0;
    last = performance.now();
    action();
  };
  const call = () => {
    const left = last + everyMs - performance.now();
    if (left <= 0) run();
    else if (waiting === 0) waiting = setTimeout(run, left);
  };
  call.cancel = () => clearTimeout(waiting);
  return call;
}

// Once the browser has nothing else to do, or after half a second.
export function whenIdle(action) {
  (window.requestIdleCallback ?? setTimeout)(action, { timeout: 500 });
}

// A canvas as sharp as the screen, and its context in CSS pixels.
export function fit(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

let colours = null;

export function theme() {
  if (colours === null) {
    const style = getComputedStyle(document.documentElement);
    const read = name => style.getPropertyValue(`--${name}`).trim();
    colours = {
      ink: read("ink"), soft: read("soft"), faint: read("faint"), paper: read("paper"),
      card: read("card"), accent: read("accent"), bad: read("bad"), warn: read("warn"),
      ground: read("ground"),
      series: [0, 1, 2, 3, 4, 5].map(index => read(`c${index}`)),
      font: getComputedStyle(document.body).fontFamily,
    };
  }
  return colours;
}

export function forgetTheme() {
  colours = null;
}
