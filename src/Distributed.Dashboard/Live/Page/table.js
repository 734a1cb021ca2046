// A table of any length: only the rows in sight are there. The keyboard moves over rows with the
// arrow keys, page keys, Home and End; Enter opens one. Headings are buttons that sort.

import { announce, el, mark, say } from "./dom.js";

const rowHeight = 30;
const overscan = 4;

// columns: { key, name, width (pixels), isText, show(row) → text, class?(row) → name, title? }
// options: { label, empty, sorted: { key, isDescending }, sort(key, isDescending), open?(row),
//   describe?(row) → text, height (rows) }
export class Table {
  #columns;
  #options;
  #rows = { length: 0, at: () => null };
  #active = 0;
  #first = -1;
  #pool = [];
  #queued = false;
  #sorted;

  constructor(columns, options) {
    this.#columns = columns;
    this.#options = options;
    this.#sorted = options.sorted ?? null;
    this.#build();
  }

  #build() {
    const width = this.#columns.reduce((sum, column) => sum + column.width, 0);
    this.heads = this.#columns.map(column => {
      const button = el("button", { type: "button", onclick: () => this.#sortBy(column) },
        column.name);
      return el("th", { scope: "col", class: column.isText ? "words" : null,
        title: column.title ?? null }, button);
    });
    this.above = el("tr", { class: "space", "aria-hidden": "true" },
      el("td", { colspan: this.#columns.length }));
    this.below = this.above.cloneNode(true);
    this.body = el("tbody", {}, this.above, this.below);
    this.table = el("table", { "aria-label": this.#options.label },
      el("colgroup", {}, this.#columns.map(column => {
        const col = el("col", {});
        col.style.width = `${column.width}px`;
        return col;
      })),
      el("thead", {}, el("tr", { "aria-rowindex": "1" }, this.heads)), this.body);
    this.table.style.minWidth = `${width}px`;
    this.scroller = el("div", { class: "table", tabindex: "-1" }, this.table);
    this.scroller.addEventListener("scroll", () => this.#queue(), { passive: true });
    this.body.addEventListener("keydown", event => this.#press(event));
    this.body.addEventListener("click", event => this.#click(event));
    this.note = el("p", { class: "note" });
    this.element = el("div", { class: "grid" }, this.scroller, this.note);
    this.observer = new ResizeObserver(() => this.#queue());
    this.observer.observe(this.scroller);
    this.#showSorted();
  }

  // rows: { length, at(index) }: an array is one.
  set(rows, note) {
    this.#rows = rows;
    this.#active = Math.min(this.#active, Math.max(0, rows.length - 1));
    mark(this.table, "aria-rowcount", String(rows.length + 1));
    const visible = Math.max(1, Math.min(rows.length, this.#options.height ?? 16));
    this.scroller.style.height = `${rowHeight * visible + 46}px`;
    say(this.note, rows.length === 0 ? this.#options.empty ?? "There are none." : note ?? "");
    this.render();
  }

  toTop() {
    this.#active = 0;
    this.scroller.scrollTop = 0;
  }

  #queue() {
    if (this.#queued) return;
    this.#queued = true;
    requestAnimationFrame(() => {
      this.#queued = false;
      this.render();
    });
  }

  render() {
    const height = this.scroller.clientHeight || rowHeight * (this.#options.height ?? 16);
    const length = this.#rows.length;
    const wanted = Math.min(length, Math.ceil(height / rowHeight) + 2 * overscan);
    let first = Math.max(0, Math.floor(this.scroller.scrollTop / rowHeight) - overscan);
    first = Math.max(0, Math.min(first, length - wanted));
    const hadFocus = this.body.contains(document.activeElement);
    while (this.#pool.length < wanted) this.#pool.push(this.#row());
    while (this.#pool.length > wanted) this.#pool.pop().remove();
    this.above.style.height = `${first * rowHeight}px`;
    this.below.style.height = `${(length - first - wanted) * rowHeight}px`;
    this.above.hidden = first === 0;
    this.below.hidden = first + wanted >= length;
    for (let place = 0; place < wanted; place++) this.#fill(this.#pool[place], first + place);
    this.#first = first;
    // A row that has left the sight keeps nothing; the focus stays with the table.
    const active = this.#pool[this.#active - first];
    if (hadFocus && active && document.activeElement !== active)
      active.focus({ preventScroll: true });
    if (!active && this.#pool.length > 0) mark(this.#pool[0], "tabindex", "0");
  }

  #row() {
    const row = el("tr", {}, this.#columns.map((column, index) =>
      el(index === 0 ? "th" : "td", {
        class: column.isText ? "words" : null, scope: index === 0 ? "row" : null,
      })));
    this.body.insertBefore(row, this.below);
    return row;
  }

  #fill(element, index) {
    const row = this.#rows.at(index);
    element.index = index;
    mark(element, "aria-rowindex", String(index + 2));
    mark(element, "tabindex", index === this.#active ? "0" : "-1");
    mark(element, "class", this.#options.open ? "opens" : null);
    this.#columns.forEach((column, place) => {
      const cell = element.cells[place];
      const text = column.show(row);
      if (cell.textContent !== text) {
        cell.textContent = text;
        if (column.isText) cell.title = text;
      }
      if (column.class) {
        const name = `${column.isText ? "words " : ""}${column.class(row)}`;
        if (cell.className !== name) cell.className = name;
      }
    });
  }

  #press(event) {
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / rowHeight) - 2);
    const last = this.#rows.length - 1;
    const to = {
      ArrowDown: this.#active + 1, ArrowUp: this.#active - 1, PageDown: this.#active + page,
      PageUp: this.#active - page, Home: 0, End: last,
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      this.#go(Math.max(0, Math.min(last, to)));
    } else if ((event.key === "Enter" || event.key === " ") && this.#options.open) {
      event.preventDefault();
      this.#options.open(this.#rows.at(event.target.closest("tr").index));
    }
  }

  #go(index) {
    this.#active = index;
    const top = index * rowHeight;
    const sight = this.scroller.clientHeight - 40;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top + rowHeight > this.scroller.scrollTop + sight)
      this.scroller.scrollTop = top + rowHeight - sight;
    this.render();
    this.#pool[index - this.#first]?.focus({ preventScroll: true });
  }

  #click(event) {
    const row = event.target.closest("tr");
    if (row === null || row.index === undefined) return;
    this.#active = row.index;
    if (this.#options.open && window.getSelection().isCollapsed)
      this.#options.open(this.#rows.at(row.index));
    else this.render();
  }

  #sortBy(column) {
    const isSame = this.#sorted?.key === column.key;
    this.#sorted = { key: column.key, isDescending: isSame && !this.#sorted.isDescending };
    this.#showSorted();
    this.toTop();
    this.#options.sort(this.#sorted.key, this.#sorted.isDescending);
    announce(`Sorted by ${column.name}, `
      + (this.#sorted.isDescending ? "descending" : "ascending"));
  }

  #showSorted() {
    this.#columns.forEach((column, index) => mark(this.heads[index], "aria-sort",
      column.key !== this.#sorted?.key ? "none"
        : this.#sorted.isDescending ? "descending" : "ascending"));
  }
}

// Sorts objects by what a column's value(row) says: numbers by size, texts as people count them.
export function sortBy(rows, value, isDescending, compareTexts) {
  const sign = isDescending ? -1 : 1;
  return rows.sort((a, b) => {
    const left = value(a);
    const right = value(b);
    if (typeof left === "string") return sign * compareTexts(left, right);
    // What is missing comes last either way.
    if (left === null || Number.isNaN(left)) return right === null || Number.isNaN(right) ? 0 : 1;
    if (right === null || Number.isNaN(right)) return -1;
    return sign * (left - right);
  });
}
