// The page: its parts, where one is, the connection, the colours.

import { prepare, recolour } from "./charts.js";
import { el, mark, say } from "./dom.js";
import { events } from "./events.js";
import { time } from "./format.js";
import { job, jobs } from "./jobs.js";
import { logs } from "./logs.js";
import { findTroubles, overview } from "./overview.js";
import { listen, state } from "./store.js";
import { connect } from "./stream.js";
import { sweep, sweeps } from "./sweeps.js";
import { workers } from "./workers.js";

const parts = [
  { path: "", name: "Overview", make: overview },
  { path: "workers", name: "Workers", make: workers, one: workers },
  { path: "jobs", name: "Jobs", make: jobs, one: job },
  { path: "sweeps", name: "Sweeps", make: sweeps, one: sweep },
  { path: "events", name: "Happenings", make: events },
  { path: "logs", name: "Logs", make: logs },
];

const main = document.getElementById("main");
const tabs = new Map();
let view = null;
let hasMoved = false;

const go = path => {
  location.hash = `#/${path}`;
};

function route() {
  const [path, id] = location.hash.replace(/^#\/?/, "").split("/");
  const part = parts.find(each => each.path === path) ?? parts[0];
  view?.dispose?.();
  view = id && part.one ? part.one(go, id) : part.make(go);
  main.replaceChildren(view.element);
  if (state.overview) view.update(null);
  for (const [name, tab] of tabs) mark(tab, "aria-current", name === part.path ? "page" : null);
  title();
  // Whoever cannot see the page is told where it went; the first time it is just there.
  if (hasMoved) {
    main.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }
  hasMoved = true;
}

function title() {
  const troubles = state.overview ? findTroubles().length : 0;
  const text = `${troubles > 0 ? `(${troubles}) ` : ""}${view.title} · Cluster`;
  if (document.title !== text) document.title = text;
}

function makeTabs() {
  const list = document.getElementById("tabs");
  for (const part of parts) {
    const tab = el("a", { href: `#/${part.path}` }, part.name);
    tabs.set(part.path, tab);
    list.append(el("li", {}, tab));
  }
}

function showHead() {
  const now = state.overview;
  say(document.getElementById("address"), now.term > 0
    ? `${now.address} · term ${now.term}`
    : `${now.address} · stands by${now.leaderAddress ? ` for ${now.leaderAddress}` : ""}`);
}

// Failures are spoken, but not those that had happened before the page was opened.
function speak(changes) {
  if (changes.isWhole) return;
  const failures = changes.happenings.filter(happening => happening.isFailure);
  if (failures.length === 0) return;
  const last = failures[failures.length - 1];
  say(document.getElementById("failure"), failures.length === 1
    ? `${last.subject}: ${last.text}`
    : `${failures.length} failures, the last one: ${last.subject}: ${last.text}`);
}

function showLink(link) {
  const element = document.getElementById("link");
  const lost = document.getElementById("lost");
  mark(element, "class", `link ${link.state}`);
  say(element, { connecting: "Connecting…", live: "Live", lost: "Not connected" }[link.state]);
  lost.hidden = link.state !== "lost";
  document.body.classList.toggle("stale", link.state === "lost");
  if (link.state === "lost")
    say(lost, `The coordinator cannot be reached since ${time(link.since)}: what is shown is as it `
      + "was then. Trying again…");
}

const themes = ["auto", "light", "dark"];

function makeThemes() {
  const button = document.getElementById("theme");
  let chosen = "auto";
  try {
    chosen = localStorage.getItem("theme") ?? "auto";
  } catch {
    // Storage may be forbidden; then the choice lasts as long as the page.
  }
  const show = () => {
    mark(document.documentElement, "data-theme", chosen === "auto" ? null : chosen);
    say(button, { auto: "◐", light: "☀", dark: "☾" }[chosen]);
    button.setAttribute("aria-label",
      `Colours: ${chosen === "auto" ? "as the system has them" : chosen}`);
    recolour();
    view?.update(null);
  };
  button.addEventListener("click", () => {
    chosen = themes[(themes.indexOf(chosen) + 1) % themes.length];
    try {
      localStorage.setItem("theme", chosen);
    } catch {
      // As above.
    }
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();
}

makeTabs();
makeThemes();
route();
window.addEventListener("hashchange", route);
document.querySelector(".skip").addEventListener("click", event => {
  event.preventDefault();
  main.focus();
});
listen(changes => {
  showHead();
  view.update(changes);
  speak(changes);
  title();
  if (!document.body.dataset.shown) {
    document.body.dataset.shown = "yes";
    performance.mark("shown");
    prepare();
  }
});
connect(showLink);
