// All sweeps in a table, and one of them with its trials, Pareto front and parallel coordinates.

import { Chart, parallel, pareto } from "./charts.js";
import { el, facts, say, section, seldom, whenIdle } from "./dom.js";
import { count, natural, none, percent, plain, seconds, whole } from "./format.js";
import { state } from "./store.js";
import { sortBy, Table } from "./table.js";
import { filter, front, order, rankOf, sample, Trials } from "./trials.js";

const pointsMax = 4000;
const linesMax = 400;
const bestMax = 50;
const columnsMax = 12;
const drawEveryMs = 6000;

const isShare = objective => objective?.name.endsWith("accuracy") ?? false;
const show = (objective, value) => isShare(objective) ? percent(value) : plain(value);
const best = sweep => sweep.best === null ? none
  : `${show(sweep.objectives[0], sweep.bestValue)} (trial ${sweep.best})`;

const columns = [
  { key: "name", name: "Sweep", width: 200, isText: true, value: sweep => sweep.name },
  { key: "state", name: "State", width: 220, isText: true, value: sweep => sweep.state },
  {
    key: "begun", name: "Trials", width: 150, value: sweep => sweep.begun,
    show: sweep => `${whole(sweep.begun)} of ${whole(sweep.wanted)}`,
  },
  { key: "running", name: "Running", width: 90, value: sweep => sweep.running },
  { key: "completed", name: "Completed", width: 100, value: sweep => sweep.completed },
  { key: "stopped", name: "Stopped", width: 90, value: sweep => sweep.stopped },
  {
    key: "failed", name: "Failed", width: 90, value: sweep => sweep.failed,
    class: sweep => sweep.failed > 0 ? "is-failed" : "",
  },
  {
    key: "best", name: "Best", width: 190, value: sweep => sweep.bestValue, show: best,
  },
].map(column => ({
  show: column.isText ? column.value : sweep => whole(column.value(sweep)), ...column,
}));

export function sweeps(go) {
  let sorted = { key: "name", isDescending: false };
  const table = new Table(columns, {
    label: "Sweeps", empty: "No sweep has run yet.", sorted, height: 20,
    sort: (key, isDescending) => {
      sorted = { key, isDescending };
      list();
    },
    open: sweep => go(`sweeps/${sweep.id}`),
  });

  function list() {
    const column = columns.find(each => each.key === sorted.key);
    const rows = sortBy([...state.sweeps.values()], column.value, sorted.isDescending, natural);
    table.set(rows, count(rows.length, "sweep"));
  }

  return {
    title: "Sweeps",
    element: el("div", {}, el("h1", {}, "Sweeps"), table.element),
    update(changes) {
      if (!changes || changes.isWhole || changes.sweeps.length > 0) list();
    },
  };
}

// The trials of the sweep that was looked at last stay: who comes back need not wait for them.
let kept = null;

export function sweep(go, id) {
  if (kept?.sweep !== id) kept = new Trials(id);
  return new SweepPage(go, id, kept).view;
}

class SweepPage {
  #trials;
  #known = null;
  #sorted = { key: "number", isDescending: false };
  #found = new Uint32Array(0);
  #table = null;
  #version = "";
  #ask = seldom(() => this.#trials.renew(isLast => {
    if (!this.#isGone) this.#take(isLast);
  }).then(isDone => {
    if (!isDone && !this.#isGone) this.#ask();
  }), 1500);
  #isGone = false;
  #charts;
  #drawAt = 0;
  #drawnAt = -Infinity;

  constructor(go, id, trials) {
    this.go = go;
    this.id = id;
    this.#trials = trials;
    this.#charts = {
      front: new Chart("What is gained for what", 340),
      parallel: new Chart("Parameters of the best trials, and of a sample", 340),
    };
    this.heading = el("h1", {});
    this.facts = facts([
      ["state", "State"], ["trials", "Trials"], ["ended", "Ended"], ["best", "Best"],
      ["objectives", "Objectives"], ["benched", "Workers without work"], ["folder", "Folder"],
    ]);
    this.text = el("input", {
      type: "search", id: "trial-filter", autocomplete: "off", spellcheck: "false",
      placeholder: "adam rate<0.01", oninput: () => this.#filter(true),
    });
    this.state = el("select", { id: "trial-state", onchange: () => this.#filter(true) },
      ["", "running", "completed", "stopped", "failed", "ready", "waiting", "cancelled"]
        .map(name => el("option", { value: name }, name === "" ? "any" : name)));
    this.place = el("div", {});
    this.reason = el("p", { class: "note detail", role: "status" });
    const element = el("div", {},
      el("p", { class: "crumb" }, el("a", { href: "#/sweeps" }, "Sweeps")), this.heading,
      this.facts.list,
      section("sweep-charts", "What it found", el("div", { class: "charts wide" },
        this.#charts.front.element, this.#charts.parallel.element)),
      section("trials-heading", "Trials",
        el("div", { class: "controls" },
          el("label", { for: "trial-filter" }, "Filter"), this.text,
          el("label", { for: "trial-state" }, "State"), this.state),
        el("p", { class: "note" }, "Words, a number such as #17, or a parameter compared with a "
          + "value, such as rate<0.01: what fits all of them is shown, here and in the charts."),
        this.place, this.reason));
    this.#charts.front.onClick(hit => {
      if (!Array.isArray(hit.value)) return;
      this.text.value = `#${hit.value[2]}`;
      this.#filter(true);
    });
    this.view = {
      title: "Sweep", element,
      update: () => this.#update(),
      dispose: () => {
        this.#isGone = true;
        this.#ask.cancel();
        for (const chart of Object.values(this.#charts)) chart.dispose();
      },
    };
  }

  #update() {
    const known = state.sweeps.get(this.id);
    if (!known) {
      say(this.heading, "This sweep is not known");
      return;
    }
    this.#known = known;
    say(this.heading, known.name);
    this.facts.set("state", known.state);
    this.facts.set("trials", `${whole(known.begun)} of ${whole(known.wanted)} begun, `
      + `${whole(known.running)} running`);
    this.facts.set("ended", `${whole(known.completed)} completed, ${whole(known.stopped)} stopped, `
      + `${whole(known.failed)} failed`);
    this.facts.set("best", best(known));
    this.facts.set("objectives", known.objectives.map(objective =>
      `${objective.name}, ${objective.isMaximized ? "more" : "less"} is better`).join("; "));
    this.facts.set("benched", known.benched.length > 0 ? known.benched.join(", ") : none);
    this.facts.set("folder", known.folder);
    const version = JSON.stringify([known.begun, known.running, known.completed, known.stopped,
      known.failed, known.bestValue, state.overview.startedMs, state.overview.term]);
    if (this.#table === null && this.#trials.length > 0) this.#take(true);
    if (version === this.#version) return;
    this.#version = version;
    this.#ask();
  }

  #take(isLast) {
    if (this.#table === null) this.#makeTable();
    this.#filter(false, isLast);
  }

  #makeTable() {
    const trials = this.#trials;
    const text = (key, name, width, get, more = {}) =>
      ({ key, name, width, show: get, ...more });
    const columns = [
      text("number", "Trial", 80, index => String(index)),
      text("state", "State", 100, index => trials.stateNames[trials.states[index]], {
        isText: true, class: index => `is-${trials.stateNames[trials.states[index]]}`,
      }),
      ...this.#known.objectives.map((objective, place) => text(`value:${place}`, objective.name,
        125, index => show(objective, trials.values[place]?.[index]))),
      text("epoch", "Epoch", 80, index => String(trials.epochs[index])),
      text("seconds", "Took", 100, index => trials.seconds[index] > 0
        ? seconds(trials.seconds[index]) : none),
      ...trials.parameters.map((parameter, place) => text(`parameter:${place}`,
        lastPart(parameter.name), 120, index => parameter.texts[index] ?? none,
        { title: parameter.name, isText: !parameter.isNumeric })),
      text("reason", "Why", 320, index => trials.reasons.get(index) ?? "", { isText: true }),
    ];
    this.#table = new Table(columns, {
      label: "Trials", empty: "No trial fits.", sorted: this.#sorted, height: 18,
      sort: (key, isDescending) => {
        this.#sorted = { key, isDescending };
        this.#sort();
      },
      open: index => this.#open(index),
    });
    this.place.replaceChildren(this.#table.element);
  }

  #open(index) {
    const trials = this.#trials;
    const job = trials.jobs.get(index);
    if (job && state.jobs.has(job)) {
      this.go(`jobs/${job}`);
      return;
    }
    const why = trials.reasons.get(index);
    say(this.reason, `Trial ${index} ${trials.stateNames[trials.states[index]]}`
      + `${why ? `: ${why}` : ""}. ` + trials.parameters
      .filter(column => column.texts[index] !== null && column.texts[index] !== undefined)
      .map(column => `${column.name} = ${column.texts[index]}`).join(", "));
  }

  #filter(isAsked, isLast = true) {
    if (this.#table === null) return;
    if (isAsked) this.#table.toTop();
    this.#found = filter(this.#trials, this.text.value, this.state.value);
    this.#sort();
    // Rows answer at once. Charts follow when nobody types any more; and while trials come in, now
    // and then, for a chart that changes all the time cannot be read.
    if (!isLast || !isAsked && this.#drawAt !== 0) return;
    clearTimeout(this.#drawAt);
    const sinceMs = performance.now() - this.#drawnAt;
    this.#drawAt = setTimeout(() => {
      this.#drawAt = 0;
      this.#draw();
    }, isAsked ? 250 : Math.max(0, drawEveryMs - sinceMs));
  }

  #sort() {
    const { key, isDescending } = this.#sorted;
    if (key === "reason") {
      const { reasons } = this.#trials;
      this.rows = this.#found.slice().sort((a, b) => (isDescending ? -1 : 1)
        * natural(reasons.get(a) ?? "", reasons.get(b) ?? ""));
    } else if (key === "number" && !isDescending) this.rows = this.#found;
    else this.rows = order(this.#found, this.#trials.keys(key), isDescending);
    const all = this.#trials.length;
    this.#table.set({ length: this.rows.length, at: index => this.rows[index] },
      this.rows.length === all ? count(all, "trial")
        : `${whole(this.rows.length)} of ${count(all, "trial")}`);
  }

  // One after the other and between frames, so that whoever does something meanwhile is not kept
  // waiting.
  #draw() {
    this.#drawnAt = performance.now();
    whenIdle(() => {
      if (this.#isGone) return;
      this.#drawFront();
      whenIdle(() => {
        if (!this.#isGone) this.#drawParallel();
      });
    });
  }

  #drawFront() {
    const trials = this.#trials;
    const [first, second] = this.#known.objectives;
    const gain = trials.values[0] ?? new Float64Array(trials.length).fill(NaN);
    const cost = second ? trials.values[1] : trials.seconds;
    const costName = second ? second.name : "time taken (s)";
    const signed = (column, isMaximized) => isMaximized ? column.map(value => -value) : column;
    const has = this.#found.filter(index => !Number.isNaN(gain[index])
      && !Number.isNaN(cost[index]) && this.#trials.stateNames[trials.states[index]] !== "failed");
    const found = front(has, signed(cost, second?.isMaximized ?? false),
      signed(gain, first.isMaximized));
    const point = index => [cost[index], gain[index], index];
    const shown = sample(has, pointsMax);
    this.#charts.front.show(
      pareto({
        x: costName, y: first.name, points: shown.map(point), front: found.map(point),
        xShare: isShare(second), yShare: isShare(first),
      }),
      `${first.name} against ${costName}: ${count(found.length, "trial")} on the Pareto front, of `
        + whole(has.length),
      (has.length > shown.length
        ? `${whole(shown.length)} of ${whole(has.length)} trials, evenly chosen, and the whole `
          + "front. " : "")
        + `On the front: ${found.slice(0, 6).map(index => `#${index}`).join(", ")}`
        + (found.length > 6 ? ` and ${found.length - 6} more.` : "."));
  }

  #drawParallel() {
    const trials = this.#trials;
    const objective = this.#known.objectives[0];
    const gain = trials.values[0] ?? new Float64Array(trials.length).fill(NaN);
    const has = this.#found.filter(index => !Number.isNaN(gain[index]));
    const ranked = order(has, gain, objective.isMaximized);
    const leaders = Array.from(ranked.subarray(0, Math.min(bestMax, Math.ceil(has.length / 10))));
    const others = sample(has, linesMax);
    const varied = trials.parameters.filter(column => column.texts.length > 0)
      .slice(0, columnsMax);
    const columns = [
      ...varied.map(column => axisOf(column)),
      { name: objective.name, isShare: isShare(objective), at: index => gain[index] },
    ];
    const line = index => columns.map(column => column.at(index));
    this.#charts.parallel.show(
      parallel({
        columns, rows: others.map(line), best: leaders.map(line),
        isNarrow: window.innerWidth < 640,
      }),
      `Parallel coordinates of ${count(others.length + leaders.length, "trial")} over `
        + columns.map(column => column.name).join(", "),
      (has.length > others.length
        ? `The ${leaders.length} best of ${whole(has.length)} trials and ${others.length} evenly `
          + "chosen ones. " : `The ${leaders.length} best are emphasised. `)
        + "Drag along an axis to choose a range; a click on it ends that."
        + (trials.parameters.length > columnsMax
          ? ` The first ${columnsMax} of ${trials.parameters.length} parameters.` : ""));
  }
}

const lastPart = name => name.slice(name.lastIndexOf(".") + 1) || name;

// Numbers that spread over more than two powers of ten go on a logarithmic axis.
function axisOf(column) {
  const name = lastPart(column.name);
  if (!column.isNumeric) {
    const ranks = rankOf(column);
    if (ranks.size > 40) return { name, at: index => ranks.get(column.texts[index]) ?? null };
    return { name, categories: [...ranks.keys()], at: index => column.texts[index] ?? null };
  }
  let low = Infinity;
  let high = -Infinity;
  for (let index = 0; index < column.texts.length; index++) {
    const value = column.numbers[index];
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return {
    name, isLogarithmic: low > 0 && high / low > 100,
    at: index => Number.isNaN(column.numbers[index]) ? null : column.numbers[index],
  };
}
