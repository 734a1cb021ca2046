// What runs, what is slow, what broke.

import { el, mark, say, section, theme } from "./dom.js";
import { compact, count, none, percent, plain, time, whole } from "./format.js";
import { ClusterMap } from "./map.js";
import { spark } from "./spark.js";
import { condition, conditions, explain, state } from "./store.js";

const troublesMax = 8;
const jobsMax = 6;
const happeningsMax = 12;

// A thousand cells are not made anew each time that somebody comes back.
let map = null;

export function overview(go) {
  const figures = {
    workers: figure("Workers"), jobs: figure("Jobs that run"),
    speed: figure("Images a second"), sweeps: figure("Sweeps that run"),
    troubles: figure("Needs a look"),
  };
  const speedLine = el("canvas", { class: "spark", "aria-hidden": "true" });
  figures.speed.element.append(speedLine);
  const troubles = el("ul", { class: "troubles" });
  const calm = el("p", { class: "calm" }, "Nothing is broken, and nobody holds up the others.");
  map ??= new ClusterMap(worker => go(`workers/${worker.id}`));
  const jobs = el("div", { class: "cards" });
  const cards = new Map();
  const noJobs = el("p", { class: "note" },
    "No job runs. ./distributed train --cluster with this coordinator's address starts one.");
  const happenings = el("ol", { class: "happenings" });
  const element = el("div", { class: "overview" },
    el("h1", { class: "unseen" }, "Overview"),
    el("div", { class: "figures" }, Object.values(figures).map(one => one.element)),
    el("div", { class: "columns" },
      el("div", {},
        section("map-heading", "Workers", map.element),
        section("jobs-heading", "Jobs", noJobs, jobs)),
      el("div", {},
        section("troubles-heading", "Needs a look", calm, troubles),
        section("happenings-heading", "What happened last", happenings,
          el("p", {}, el("a", { href: "#/events" }, "All happenings"))))));

  function update(changes) {
    const now = state.overview;
    if (!now) return;
    const found = findTroubles();
    figures.workers.set(whole(now.workers), now.workersUnreachable > 0
      ? `${whole(now.workersUnreachable)} unreachable` : `${whole(now.workersBusy)} at work`,
      now.workersUnreachable > 0);
    figures.jobs.set(whole(now.jobsRunning), count(state.jobs.size, "job") + " known");
    figures.speed.set(compact(now.imagesPerSecond), "");
    figures.sweeps.set(whole(now.sweepsRunning), trials());
    figures.troubles.set(whole(found.length), found.length === 0 ? "all is well" : "see below",
      found.length > 0);
    spark(speedLine, state.speeds, theme().series[0]);
    showTroubles(found);
    map.update();
    showJobs();
    if (!changes || changes.isWhole || changes.happenings.length > 0) showHappenings();
  }

  function showTroubles(found) {
    calm.hidden = found.length > 0;
    const shown = found.slice(0, troublesMax).map(({ what, why, href }) =>
      [what, why, href].join("\u0000"));
    if (found.length > troublesMax) shown.push(`and ${found.length - troublesMax} more`);
    const key = shown.join("\u0001");
    if (troubles.dataset.key === key) return;
    troubles.dataset.key = key;
    troubles.replaceChildren(...found.slice(0, troublesMax).map(({ kind, what, why, href }) =>
      el("li", { class: kind },
        el("span", { class: `cell ${kind}`, "aria-hidden": "true" },
          conditions[kind]?.letter ?? "!"),
        el("span", {}, el("a", { href }, what), el("span", { class: "why" }, why)))));
    if (found.length > troublesMax)
      troubles.append(el("li", {}, `and ${found.length - troublesMax} more`));
  }

  function showJobs() {
    const running = [...state.jobs.values()].filter(job => job.outcome === "");
    const shown = [...running, ...[...state.jobs.values()].reverse()
      .filter(job => job.outcome !== "")].slice(0, Math.max(jobsMax, Math.min(12, running.length)));
    noJobs.hidden = shown.length > 0;
    const ids = new Set(shown.map(job => job.id));
    for (const [id, card] of cards) {
      if (ids.has(id)) continue;
      card.element.remove();
      cards.delete(id);
    }
    shown.forEach((job, place) => {
      let card = cards.get(job.id);
      if (!card) cards.set(job.id, card = jobCard(job));
      card.update(job);
      if (jobs.children[place] !== card.element)
        jobs.insertBefore(card.element, jobs.children[place] ?? null);
    });
  }

  function showHappenings() {
    happenings.replaceChildren(...state.happenings.slice(-happeningsMax).reverse()
      .map(happening => el("li", { class: happening.isFailure ? "failure" : null },
        el("time", {}, time(happening.ms)),
        el("span", {}, el("strong", {}, happening.subject), ` ${happening.text}`))));
  }

  return { title: "Overview", element, update };
}

function trials() {
  let running = 0;
  for (const sweep of state.sweeps.values()) running += sweep.running;
  return running > 0 ? `${count(running, "trial")} at work` : "";
}

function figure(name) {
  const value = el("span", { class: "value" }, none);
  const more = el("span", { class: "more" });
  const element = el("div", { class: "figure" }, el("span", { class: "name" }, name), value, more);
  return {
    element,
    set(text, note, isBad = false) {
      say(value, text);
      say(more, note);
      mark(element, "class", isBad ? "figure bad" : "figure");
    },
  };
}

const doing = { gone: "has gone", benched: conditions.benched.name };
const troubleOrder = ["unreachable", "down", "failed", "slow", "benched"];

// Who is lost, failed or slow now: the worst first.
export function findTroubles() {
  const found = [];
  for (const worker of state.workers.values()) {
    const kind = condition(worker);
    if (!troubleOrder.includes(kind) && kind !== "gone") continue;
    // Who has gone is news for a while only, and none where its name is back.
    if (kind === "gone" && (state.overview.nowMs - worker.sinceMs > 600_000 || isBack(worker)))
      continue;
    found.push({
      kind, what: `${worker.name} ${doing[kind] ?? `is ${conditions[kind].name}`}`,
      why: explain(worker), href: `#/workers/${worker.id}`, at: worker.sinceMs,
    });
  }
  for (const job of state.jobs.values()) {
    if (job.outcome !== "failed" || state.overview.nowMs - job.endedMs > 3_600_000) continue;
    found.push({
      kind: "failed", what: `${job.name} has failed`, why: job.message, href: `#/jobs/${job.id}`,
      at: job.endedMs,
    });
  }
  for (const sweep of state.sweeps.values()) {
    if (!sweep.state.startsWith("paused")) continue;
    found.push({
      kind: "failed", what: `${sweep.name} is paused`, why: sweep.state, at: 0,
      href: `#/sweeps/${sweep.id}`,
    });
  }
  const place = kind => kind === "gone" ? 2.5 : troubleOrder.indexOf(kind);
  return found.sort((a, b) => place(a.kind) - place(b.kind) || b.at - a.at);
}

function isBack(gone) {
  for (const worker of state.workers.values())
    if (worker.name === gone.name && worker.status !== "Removed") return true;
  return false;
}

function jobCard(job) {
  const bar = el("progress", { max: "1", value: 0, "aria-label": `Progress of ${job.name}` });
  const line = el("canvas", { class: "spark", "aria-hidden": "true" });
  const text = el("p", { class: "state" });
  const numbers = el("p", { class: "numbers" });
  const slow = el("p", { class: "slow-note" });
  const element = el("article", { class: "card" },
    el("h3", {}, el("a", { href: `#/jobs/${job.id}` }, job.name)), text, bar, numbers, line, slow);
  let drawn = -1;
  return {
    element,
    update(now) {
      mark(element, "class", `card ${now.outcome || "running"}`);
      say(text, `${now.state} · step ${whole(now.step)} of ${whole(now.stepsTotal)}`
        + ` · ${count(now.workers, "worker")}`);
      bar.value = now.stepsTotal > 0 ? now.step / now.stepsTotal : 0;
      say(numbers, `loss ${plain(now.loss)} · accuracy ${percent(now.testAccuracy)} · `
        + (now.outcome === "" ? `${compact(now.imagesPerSecond)} img/s` : now.outcome));
      const losses = state.losses.get(job.id) ?? [];
      line.hidden = losses.length < 2;
      if (!line.hidden && losses.length !== drawn || losses.length >= 240)
        spark(line, losses, theme().series[1]);
      drawn = losses.length;
      const worker = slowest(job.id);
      slow.hidden = worker === null;
      if (worker) say(slow, `${worker.name} (rank ${worker.rank}) holds up the others: `
        + `${worker.slow.toFixed(1)} times the median's computing`);
    },
  };
}

function slowest(job) {
  let found = null;
  for (const worker of state.workers.values())
    if (worker.job === job && worker.slow > (found?.slow ?? 0)) found = worker;
  return found;
}
