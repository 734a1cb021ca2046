// The connection to the coordinator: server-sent events, which go on after a loss where they had
// stopped. A connection that is silent for too long counts as lost, whatever the browser believes.

import { apply, tell } from "./store.js";

const silenceMaxMs = 10_000;
const retryMs = [500, 1000, 2000, 4000];

let source = null;
let position = "";
let retries = 0;
let lastHeard = 0;
let waiting = 0;
let link = { state: "connecting", since: Date.now() };
let onLink = () => { };
let queued = null;

export function connect(listener) {
  onLink = listener;
  open();
  setInterval(() => {
    if (source !== null && Date.now() - lastHeard > silenceMaxMs) lose();
  }, 1000);
  // A browser that was told so need not wait for its turn.
  window.addEventListener("online", () => retry(0));
}

function open() {
  source = new EventSource(`api/events${position ? `?after=${position}` : ""}`);
  lastHeard = Date.now();
  source.addEventListener("frame", event => {
    heard();
    position = event.lastEventId;
    take(JSON.parse(event.data));
  });
  source.addEventListener("beat", heard);
  source.addEventListener("error", lose);
}

function heard() {
  lastHeard = Date.now();
  retries = 0;
  if (link.state !== "live") set("live");
}

function lose() {
  if (source === null) return;
  source.close();
  source = null;
  if (link.state !== "lost") set("lost");
  retry(retryMs[Math.min(retries++, retryMs.length - 1)]);
}

function retry(delayMs) {
  if (source !== null) return;
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    if (source === null) open();
  }, delayMs);
}

function set(name) {
  link = { state: name, since: Date.now() };
  onLink(link);
}

// Frames are taken in at once and shown when the browser draws next: a page in the background
// draws nothing, and catches up when it is looked at.
function take(frame) {
  const changes = apply(frame);
  if (queued === null) {
    queued = changes;
    requestAnimationFrame(() => {
      const all = queued;
      queued = null;
      tell(all);
    });
    return;
  }
  queued.isWhole ||= changes.isWhole;
  for (const part of ["workers", "jobs", "sweeps", "happenings", "logs"]) {
    const kept = queued[part];
    // What happened is shown from the store; here it only counts that there is some.
    if (kept.length < 5000) queued[part] = kept.concat(changes[part]);
  }
}
