// The cluster at a glance: a cell for each worker. Its letter, its border and its colour say the
// same, so that nobody needs the colour. Arrow keys walk over the cells.

import { el, say } from "./dom.js";
import { compact, count, natural } from "./format.js";
import { condition, conditions, explain, state } from "./store.js";

// So many have room for their names.
const namedMax = 64;

export class ClusterMap {
  #cells = new Map();
  #order = [];
  #active = "";
  #legend = new Map();
  #open;
  #told = "";

  constructor(open) {
    this.#open = open;
    this.grid = el("div", { class: "map", role: "listbox", "aria-label": "Workers" });
    this.legend = el("ul", { class: "legend", "aria-label": "Workers by condition" });
    this.detail = el("p", { class: "note detail" });
    this.element = el("div", {}, this.legend, this.grid, this.detail);
    this.grid.addEventListener("keydown", event => this.#press(event));
    this.grid.addEventListener("click", event => this.#choose(event));
    for (const name of ["mouseover", "focusin"])
      this.grid.addEventListener(name, event => this.#tell(event.target));
    for (const [name, { letter, name: text }] of Object.entries(conditions)) {
      const number = el("b", {}, "0");
      const item = el("li", { hidden: true },
        el("span", { class: `cell ${name}`, "aria-hidden": "true" }, letter), number, ` ${text}`);
      this.#legend.set(name, { item, number });
      this.legend.append(item);
    }
  }

  update() {
    const counts = new Map();
    const isSmall = state.workers.size > namedMax;
    this.grid.classList.toggle("small", isSmall);
    let isOrdered = true;
    for (const worker of state.workers.values()) {
      const is = condition(worker);
      counts.set(is, (counts.get(is) ?? 0) + 1);
      let cell = this.#cells.get(worker.id);
      if (!cell) {
        cell = this.#make(worker.id);
        isOrdered = false;
      }
      this.#fill(cell, worker, is, isSmall);
    }
    for (const [id, cell] of this.#cells) {
      if (state.workers.has(id)) continue;
      cell.element.remove();
      this.#cells.delete(id);
      isOrdered = false;
    }
    if (!isOrdered) this.#arrange();
    for (const [name, { item, number }] of this.#legend) {
      const found = counts.get(name) ?? 0;
      if (item.hidden !== (found === 0)) item.hidden = found === 0;
      say(number, String(found));
    }
    if (this.#told !== "") this.#describe(state.workers.get(this.#told));
    else say(this.detail, state.workers.size === 0
      ? "No worker has joined yet: ./distributed worker on any host that reaches this one."
      : "");
  }

  #make(id) {
    const element = el("div", { role: "option", tabindex: "-1" });
    element.dataset.id = id;
    const cell = { element, letter: null, name: null, figure: null, key: "" };
    this.#cells.set(id, cell);
    return cell;
  }

  #fill(cell, worker, is, isSmall) {
    // Asking the browser what a cell shows would cost more than remembering it.
    const key = `${isSmall} ${is} ${worker.name}`;
    if (cell.key !== key) {
      cell.key = key;
      cell.element.className = `cell ${is}`;
      cell.element.setAttribute("aria-label", `${worker.name}: ${conditions[is].name}`);
      if (isSmall) {
        // Where there are many, there is room for the letter alone.
        cell.element.textContent = conditions[is].letter;
        cell.name = null;
      } else {
        if (cell.name === null) {
          cell.letter = el("span", { class: "letter", "aria-hidden": "true" });
          cell.name = el("span", { class: "name" });
          cell.figure = el("span", { class: "figure" });
          cell.element.replaceChildren(cell.letter, cell.name, cell.figure);
        }
        say(cell.letter, conditions[is].letter);
        say(cell.name, worker.name);
      }
    }
    if (isSmall) return;
    say(cell.figure, is === "working" || is === "slow" ? `${compact(worker.imagesPerSecond)} img/s`
      : conditions[is].name);
  }

  // Those that are gone come last; the others by name.
  #arrange() {
    const workers = [...state.workers.values()].sort((a, b) =>
      (a.status === "Removed") - (b.status === "Removed") || natural(a.name, b.name));
    this.#order = workers.map(worker => worker.id);
    this.grid.append(...this.#order.map(id => this.#cells.get(id).element));
    if (!this.#cells.has(this.#active)) this.#active = this.#order[0] ?? "";
    this.#cells.get(this.#active)?.element.setAttribute("tabindex", "0");
  }

  #press(event) {
    const place = this.#order.indexOf(this.#active);
    if (place < 0) return;
    const first = this.#cells.get(this.#order[0]).element.offsetTop;
    let columns = this.#order.findIndex(id => this.#cells.get(id).element.offsetTop > first);
    if (columns <= 0) columns = this.#order.length;
    const to = {
      ArrowRight: place + 1, ArrowLeft: place - 1, ArrowDown: place + columns,
      ArrowUp: place - columns, Home: 0, End: this.#order.length - 1,
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      this.#go(this.#order[Math.max(0, Math.min(this.#order.length - 1, to))]);
    } else if (event.key === "Enter") this.#open(state.workers.get(this.#active));
  }

  #go(id) {
    this.#cells.get(this.#active)?.element.setAttribute("tabindex", "-1");
    this.#active = id;
    const { element } = this.#cells.get(id);
    element.setAttribute("tabindex", "0");
    element.focus();
  }

  #choose(event) {
    const id = event.target.closest("[data-id]")?.dataset.id;
    if (id) this.#open(state.workers.get(id));
  }

  #tell(target) {
    const id = target.closest?.("[data-id]")?.dataset.id;
    if (!id) return;
    this.#told = id;
    this.#describe(state.workers.get(id));
  }

  #describe(worker) {
    if (!worker) {
      this.#told = "";
      return;
    }
    const is = condition(worker);
    const job = state.jobs.get(worker.job);
    const parts = [`${worker.name}: ${conditions[is].name}`];
    const why = explain(worker);
    if (why) parts.push(why);
    if (job) parts.push(`${job.name}, ${worker.rank < 0 ? "spare" : `rank ${worker.rank}`}, `
      + `${count(worker.shardCount, "shard")}, step ${worker.step}`);
    if (worker.host || worker.device)
      parts.push([worker.device, worker.host, `process ${worker.processId}`].filter(Boolean)
        .join(", "));
    say(this.detail, parts.join(" · "));
  }
}
