// All workers in a table, and one of them in full.

import { el, facts, mark, say, seldom } from "./dom.js";
import { bytes, compact, count, ms, natural, none, share, time, whole } from "./format.js";
import { condition, conditions, explain, state } from "./store.js";
import { sortBy, Table } from "./table.js";

const figure = value => worker => worker.rank >= 0 ? ms(value(worker)) : none;

const columns = [
  { key: "name", name: "Worker", width: 130, isText: true, value: worker => worker.name },
  {
    key: "condition", name: "Condition", width: 138, isText: true,
    value: worker => conditions[condition(worker)].name,
    show: worker => `${conditions[condition(worker)].letter} ${conditions[condition(worker)].name}`,
    class: worker => `is-${condition(worker)}`,
  },
  { key: "why", name: "Why", width: 260, isText: true, value: explain },
  {
    key: "job", name: "Job", width: 150, isText: true,
    value: worker => state.jobs.get(worker.job)?.name ?? "",
  },
  {
    key: "rank", name: "Rank", width: 70,
    value: worker => worker.rank < 0 ? null : worker.rank,
    show: worker => worker.rank < 0 ? none : String(worker.rank),
  },
  {
    key: "shards", name: "Shards", width: 80, value: worker => worker.shardCount,
    show: worker => worker.shardCount > 0 ? `${worker.shardCount} of ${worker.shardsTotal}` : none,
  },
  {
    key: "step", name: "Step", width: 90, value: worker => worker.step,
    show: worker => worker.job ? whole(worker.step) : none,
  },
  {
    key: "compute", name: "Compute", width: 90, value: worker => worker.computeMs,
    show: figure(worker => worker.computeMs), class: worker => worker.slow > 0 ? "is-slow" : "",
  },
  {
    key: "communication", name: "Communicate", width: 125,
    value: worker => worker.communicationMs, show: figure(worker => worker.communicationMs),
  },
  {
    key: "wait", name: "Wait", width: 85, value: worker => worker.waitMs,
    show: figure(worker => worker.waitMs),
  },
  {
    key: "speed", name: "Images/s", width: 90, value: worker => worker.imagesPerSecond,
    show: worker => worker.imagesPerSecond > 0 ? compact(worker.imagesPerSecond) : none,
  },
  {
    key: "use", name: "Device use", width: 100, value: worker => worker.utilisation,
    show: worker => worker.memoryBytes > 0 ? share(worker.utilisation) : none,
  },
  {
    key: "memory", name: "Memory", width: 90, value: worker => worker.memoryBytes,
    show: worker => bytes(worker.memoryBytes),
  },
  { key: "device", name: "Device", width: 90, isText: true, value: worker => worker.device },
  { key: "host", name: "Host", width: 130, isText: true, value: worker => worker.host },
].map(column => ({ show: column.value, ...column }));

export function workers(go, id) {
  let sorted = { key: "name", isDescending: false };
  const filter = el("input", {
    type: "search", id: "worker-filter", autocomplete: "off", oninput: () => show(),
  });
  const table = new Table(columns, {
    label: "Workers", empty: "No worker fits.", sorted, height: 18,
    sort: (key, isDescending) => {
      sorted = { key, isDescending };
      show();
    },
    open: worker => go(`workers/${worker.id}`),
  });
  const detail = id ? workerDetail(id) : null;
  const element = el("div", {}, el("h1", {}, "Workers"), detail?.element,
    el("div", { class: "controls" },
      el("label", { for: "worker-filter" }, "Name, host, condition or job"), filter),
    table.element);

  function show() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = [...state.workers.values()].filter(worker => {
      if (words.length === 0) return true;
      const text = `${worker.name} ${worker.host} ${conditions[condition(worker)].name} `
        + `${worker.device} ${state.jobs.get(worker.job)?.name ?? ""}`.toLowerCase();
      return words.every(word => text.toLowerCase().includes(word));
    });
    const column = columns.find(each => each.key === sorted.key);
    sortBy(rows, column.value, sorted.isDescending, natural);
    table.set(rows, `${count(rows.length, "worker")}; those that are gone stay for a while.`);
  }

  // Rows that change places all the time cannot be read.
  const showSeldom = seldom(show, 900);

  return {
    title: "Workers", element,
    update(changes) {
      detail?.update();
      if (!changes || changes.isWhole || changes.workers.length > 0) showSeldom();
    },
    dispose: () => showSeldom.cancel(),
  };
}

function workerDetail(id) {
  const heading = el("h2", { id: "worker-heading" });
  const why = el("p", { class: "why" });
  const list = facts([
    ["job", "Job"], ["rank", "Rank and shards"], ["step", "Step"], ["times", "Its last steps"],
    ["speed", "It alone could do"], ["device", "Device"], ["memory", "Memory"],
    ["host", "Host and process"], ["address", "Data address"], ["since", "In this state since"],
  ]);
  const element = el("section", { class: "panel", "aria-labelledby": "worker-heading" },
    heading, why, list.list, el("p", {}, el("a", { href: "#/workers" }, "Close")));
  return {
    element,
    update() {
      const worker = state.workers.get(id);
      if (!worker) {
        say(heading, "This worker is not known any more");
        return;
      }
      const is = condition(worker);
      say(heading, `${worker.name}: ${conditions[is].name}`);
      mark(heading, "class", `is-${is}`);
      say(why, explain(worker) || worker.reason);
      list.set("job", state.jobs.get(worker.job)?.name ?? none);
      list.set("rank", worker.rank < 0 ? none
        : `rank ${worker.rank}, shards ${worker.firstShard} to `
          + `${worker.firstShard + worker.shardCount - 1} of ${worker.shardsTotal}`);
      list.set("step", worker.job ? `${whole(worker.step)} ${worker.phase}` : none);
      list.set("times", worker.stepMs > 0
        ? `${ms(worker.stepMs)}: compute ${ms(worker.computeMs)}, communicate `
          + `${ms(worker.communicationMs)}, wait ${ms(worker.waitMs)}`
        : none);
      list.set("speed", worker.imagesPerSecond > 0
        ? `${compact(worker.imagesPerSecond)} images/s` : none);
      list.set("device", `${worker.device || none}, ${share(worker.utilisation)} used`);
      list.set("memory", bytes(worker.memoryBytes) + (worker.deviceMemoryTotalBytes > 0
        ? `; of the device ${bytes(worker.deviceMemoryUsedBytes)} of `
          + bytes(worker.deviceMemoryTotalBytes)
        : ""));
      list.set("host", `${worker.host || none}, ${worker.processId || none}`);
      list.set("address", worker.address || none);
      list.set("since", time(worker.sinceMs));
    },
  };
}
