// All jobs in a table, and one of them with its curves and the steps of its ranks.

import { Chart, lines } from "./charts.js";
import { el, facts, mark, say, section, seldom } from "./dom.js";
import {
  compact, count, ms, natural, none, percent, plain, seconds, time, whole,
} from "./format.js";
import { now, state } from "./store.js";
import { sortBy, Table } from "./table.js";
import { Timeline } from "./timeline.js";

const lastedMs = job => (job.endedMs ?? now()) - job.startedMs;

const columns = [
  { key: "name", name: "Job", width: 200, isText: true, value: job => job.name },
  {
    key: "state", name: "State", width: 200, isText: true, value: job => job.state,
    class: job => `is-${job.outcome || "running"}`,
  },
  {
    key: "step", name: "Step", width: 150, value: job => job.step,
    show: job => `${whole(job.step)} / ${whole(job.stepsTotal)}`,
  },
  {
    key: "loss", name: "Loss", width: 90, value: job => job.loss, show: job => plain(job.loss),
  },
  {
    key: "accuracy", name: "Test accuracy", width: 120, value: job => job.testAccuracy,
    show: job => percent(job.testAccuracy),
  },
  {
    key: "speed", name: "Images/s", width: 95, value: job => job.imagesPerSecond,
    show: job => job.imagesPerSecond > 0 ? compact(job.imagesPerSecond) : none,
  },
  {
    key: "workers", name: "Workers", width: 85, value: job => job.workers,
    show: job => String(job.workers),
  },
  {
    key: "started", name: "Began", width: 130, value: job => job.startedMs,
    show: job => time(job.startedMs),
  },
  {
    key: "lasted", name: "Lasted", width: 110, value: lastedMs,
    show: job => seconds(lastedMs(job) / 1000),
  },
  { key: "message", name: "Why it failed", width: 320, isText: true, value: job => job.message },
].map(column => ({ show: column.value, ...column }));

export function jobs(go) {
  let sorted = { key: "started", isDescending: true };
  const table = new Table(columns, {
    label: "Jobs", empty: "No job has run yet.", sorted, height: 20,
    sort: (key, isDescending) => {
      sorted = { key, isDescending };
      show();
    },
    open: job => go(`jobs/${job.id}`),
  });

  function show() {
    const column = columns.find(each => each.key === sorted.key);
    const rows = sortBy([...state.jobs.values()], column.value, sorted.isDescending, natural);
    table.set(rows, `${count(rows.length, "job")}; the last ones that have ended stay.`);
  }

  return {
    title: "Jobs",
    element: el("div", {}, el("h1", {}, "Jobs"), table.element),
    update(changes) {
      if (!changes || changes.isWhole || changes.jobs.length > 0) show();
    },
  };
}

const rankColumns = [
  { key: "rank", name: "Rank", width: 70, value: rank => rank.rank, show: rank => `${rank.rank}` },
  { key: "worker", name: "Worker", width: 160, isText: true, value: rank => rank.worker },
  { key: "compute", name: "Compute", width: 110, value: rank => rank.compute },
  { key: "communicate", name: "Communicate", width: 120, value: rank => rank.communicate },
  { key: "wait", name: "Wait", width: 110, value: rank => rank.wait },
].map(column => ({ show: rank => ms(column.value(rank)), ...column }));
rankColumns[1].show = rank => rank.worker;

export function job(go, id) {
  const heading = el("h1", {});
  const why = el("p", { class: "why failure" });
  const bar = el("progress", { max: "1", value: 0, "aria-label": "Progress" });
  const list = facts([
    ["state", "State"], ["step", "Step"], ["epoch", "Epoch"], ["loss", "Loss"],
    ["accuracy", "Test accuracy"], ["speed", "Images a second"], ["workers", "Workers"],
    ["generation", "Generation"], ["checkpoint", "Last checkpoint"], ["lasted", "Runs since"],
    ["folder", "Folder"],
  ]);
  const charts = {
    loss: new Chart("Loss"), speed: new Chart("Images a second"), accuracy: new Chart("Accuracy"),
  };
  const timeline = new Timeline();
  let sorted = { key: "compute", isDescending: true };
  const ranks = new Table(rankColumns, {
    label: "Ranks: means of the last steps", sorted, height: 8,
    empty: "No steps are remembered.",
    sort: (key, isDescending) => {
      sorted = { key, isDescending };
      showRanks();
    },
  });
  const epochs = el("tbody", {});
  const element = el("div", {}, el("p", { class: "crumb" }, el("a", { href: "#/jobs" }, "Jobs")),
    heading, why, bar, list.list,
    section("curves-heading", "Curves",
      el("div", { class: "charts" }, charts.loss.element, charts.speed.element,
        charts.accuracy.element)),
    section("timeline-heading", "Steps by rank", timeline.element, ranks.element),
    section("epochs-heading", "Epochs", el("div", { class: "table short" },
      el("table", { "aria-label": "Epochs" },
        el("thead", {}, el("tr", {}, ["Epoch", "Train loss", "Train accuracy", "Test loss",
          "Test accuracy", "Took"].map(name => el("th", { scope: "col" }, name)))), epochs))));
  const curves = { steps: [], losses: [], speeds: [], epochs: [], last: -1 };
  let isGone = false;
  let isAsking = false;
  const isLarge = () => (state.jobs.get(id)?.workers ?? 0) > 256;
  const askSeldom = seldom(() => ask(), isLarge() ? 2000 : 900);

  async function ask() {
    if (isGone) return;
    if (isAsking) {
      askSeldom();
      return;
    }
    isAsking = true;
    try {
      const ranksNow = state.jobs.get(id)?.workers ?? 0;
      const steps = isLarge() ? 8 : ranksNow > 32 ? 16 : 24;
      const [more, times] = await Promise.all([
        get(`api/jobs/${id}/curves?after=${Math.max(0, curves.last)}`),
        get(`api/jobs/${id}/timeline?steps=${steps}`),
      ]);
      if (isGone || more === null) return;
      take(more);
      showCurves();
      if (times !== null) {
        timeline.set(times.ranks);
        showRanks();
      }
    } finally {
      isAsking = false;
    }
  }

  function take(more) {
    const known = state.jobs.get(id);
    // A run that went back tells its steps once more; and too many points are asked for anew,
    // thinned out.
    if ((known && known.step < curves.last) || curves.steps.length > 4000) {
      for (const part of ["steps", "losses", "speeds"]) curves[part].length = 0;
      curves.last = -1;
      askSeldom();
      return;
    }
    more.steps.forEach((step, index) => {
      if (step <= curves.last) return;
      curves.steps.push(step);
      curves.losses.push(more.losses[index]);
      curves.speeds.push(more.imagesPerSecond[index]);
    });
    if (more.steps.length > 0) curves.last = more.steps[more.steps.length - 1];
    curves.epochs = more.epochs;
  }

  const pairs = values => curves.steps.map((step, index) => [step, values[index]]);

  function showCurves() {
    const last = curves.losses[curves.losses.length - 1];
    charts.loss.show(
      lines({ x: "step", y: "loss", series: [{ name: "loss", points: pairs(curves.losses) }] }),
      `Loss over ${count(curves.steps.length, "point")}, now ${plain(last)}`);
    charts.speed.show(
      lines({
        x: "step", y: "images/s", series: [{ name: "images/s", points: pairs(curves.speeds) }],
      }),
      `Images a second over the steps, now ${compact(curves.speeds[curves.speeds.length - 1])}`);
    const { epochs: rows } = curves;
    charts.accuracy.show(
      lines({
        x: "epoch", y: "accuracy", isShare: true, isWhole: true,
        series: [
          { name: "test", points: rows.map(row => [row.epoch, row.testAccuracy]) },
          { name: "train", points: rows.map(row => [row.epoch, row.trainAccuracy]) },
        ],
      }),
      `Accuracy by epoch, now ${percent(rows[rows.length - 1]?.testAccuracy)}`,
      rows.length === 0 ? "No epoch is complete yet." : "");
    if (epochs.rows.length === rows.length) return;
    epochs.replaceChildren(...rows.slice(-200).reverse().map(row => el("tr", {},
      el("th", { scope: "row" }, String(row.epoch)),
      [plain(row.trainLoss), percent(row.trainAccuracy), plain(row.testLoss),
        percent(row.testAccuracy), seconds(row.seconds)].map(text => el("td", {}, text)))));
  }

  function showRanks() {
    const column = rankColumns.find(each => each.key === sorted.key);
    ranks.set(sortBy([...timeline.ranks], column.value, sorted.isDescending, natural),
      "Means of the steps above.");
  }

  return {
    title: "Job", element,
    update() {
      const known = state.jobs.get(id);
      if (!known) {
        say(heading, "This job is not known");
        say(why, "It has ended long ago, or another coordinator keeps it.");
        return;
      }
      say(heading, known.name);
      say(why, known.message);
      mark(element, "class", `job ${known.outcome || "running"}`);
      bar.value = known.stepsTotal > 0 ? known.step / known.stepsTotal : 0;
      list.set("state", known.state);
      list.set("step", `${whole(known.step)} of ${whole(known.stepsTotal)}`);
      list.set("epoch", `${known.epoch} of ${known.epochsTotal}`);
      list.set("loss", plain(known.loss));
      list.set("accuracy", percent(known.testAccuracy));
      list.set("speed", known.imagesPerSecond > 0 ? compact(known.imagesPerSecond) : none);
      list.set("workers", `${known.workers}, ${count(known.logicalShards, "logical shard")}`);
      list.set("generation", `${known.generation}: ${known.reason}`);
      list.set("checkpoint", known.checkpointStep > 0
        ? `step ${whole(known.checkpointStep)}` : none);
      list.set("lasted", `${time(known.startedMs)}, ${seconds(lastedMs(known) / 1000)}`);
      list.set("folder", known.folder);
      askSeldom();
    },
    dispose() {
      isGone = true;
      askSeldom.cancel();
      for (const chart of Object.values(charts)) chart.dispose();
    },
  };
}

// Null where it is not there, or the coordinator cannot be reached: the page says that itself.
export async function get(address) {
  try {
    const answer = await fetch(address);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}
