// What the coordinator has told, and who wants to know of changes. The page keeps no more of what
// is over than the coordinator does.

const goneMax = 100;
const endedMax = 200;
const linesMax = 10_000;
const speedsMax = 240;

export const state = {
  overview: null,
  workers: new Map(),
  jobs: new Map(),
  sweeps: new Map(),
  happenings: [],
  logs: [],
  // Images a second of the whole cluster, and losses of jobs, as this page has seen them.
  speeds: [],
  losses: new Map(),
  clockSkewMs: 0,
};

const listeners = new Set();

export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function tell(changes) {
  for (const listener of [...listeners]) listener(changes);
}

export function apply(frame) {
  if (frame.isWhole) {
    state.workers.clear();
    state.jobs.clear();
    state.sweeps.clear();
    state.happenings.length = 0;
    state.logs.length = 0;
    state.losses.clear();
  }
  state.overview = frame.overview;
  state.clockSkewMs = frame.overview.nowMs - Date.now();
  for (const worker of frame.workers) {
    worker.slow = state.workers.get(worker.id)?.slow ?? 0;
    state.workers.set(worker.id, worker);
  }
  for (const job of frame.jobs) {
    state.jobs.set(job.id, job);
    if (job.loss !== null) keep(lossesOf(job.id), job.loss, speedsMax);
  }
  for (const sweep of frame.sweeps) state.sweeps.set(sweep.id, sweep);
  append(state.happenings, frame.happenings);
  append(state.logs, frame.logs);
  keep(state.speeds, frame.overview.imagesPerSecond, speedsMax);
  forget(state.workers, worker => worker.status === "Removed", worker => worker.sinceMs, goneMax);
  forget(state.jobs, job => job.outcome !== "", job => job.endedMs, endedMax);
  if (frame.workers.length > 0) findSlow();
  return {
    isWhole: frame.isWhole,
    workers: frame.workers, jobs: frame.jobs, sweeps: frame.sweeps,
    happenings: frame.happenings, logs: frame.logs,
  };
}

export const now = () => Date.now() + state.clockSkewMs;

function lossesOf(job) {
  let losses = state.losses.get(job);
  if (!losses) state.losses.set(job, losses = []);
  return losses;
}

function keep(list, value, most) {
  list.push(value);
  if (list.length > most) list.splice(0, list.length - most);
}

function append(list, entries) {
  const last = list.length > 0 ? list[list.length - 1].sequence : 0;
  for (const entry of entries) if (entry.sequence > last) list.push(entry);
  // Seldom a large cut rather than often a small one.
  if (list.length > linesMax * 1.2) list.splice(0, list.length - linesMax);
}

function forget(map, isOver, when, most) {
  if (map.size <= most) return;
  const over = [...map.values()].filter(isOver);
  if (over.length <= most) return;
  over.sort((a, b) => when(a) - when(b));
  for (const entry of over.slice(0, over.length - most)) map.delete(entry.id);
}

// Whom do the others wait for? The one that computes clearly longer than its job's median: what a
// step costs it, against what it costs the one in the middle.
export const slowFactor = 1.3;

function findSlow() {
  const byJob = new Map();
  for (const worker of state.workers.values()) {
    worker.slow = 0;
    if (worker.job === "" || worker.rank < 0 || worker.computeMs <= 0) continue;
    let ranks = byJob.get(worker.job);
    if (!ranks) byJob.set(worker.job, ranks = []);
    ranks.push(worker);
  }
  for (const ranks of byJob.values()) {
    if (ranks.length < 2) continue;
    ranks.sort((a, b) => a.computeMs - b.computeMs);
    const median = ranks[(ranks.length - 1) >> 1].computeMs;
    for (let place = ranks.length - 1; place >= 0; place--) {
      const factor = ranks[place].computeMs / median;
      if (factor < slowFactor) break;
      ranks[place].slow = factor;
    }
  }
}

// How a worker is, in one word: what its cell shows.
export function condition(worker) {
  if (worker.status === "Removed") return "gone";
  if (worker.status === "Down") return "down";
  if (worker.isUnreachable) return "unreachable";
  if (worker.status === "Joining") return "joining";
  if (worker.status !== "Up") return "leaving";
  if (worker.benchReason !== "") return "benched";
  if (worker.slow > 0) return "slow";
  return worker.job === "" ? "idle" : worker.rank < 0 ? "spare" : "working";
}

export const conditions = {
  working: { letter: "W", name: "working" },
  slow: { letter: "S", name: "slow" },
  spare: { letter: "H", name: "hot spare" },
  idle: { letter: "I", name: "idle" },
  joining: { letter: "J", name: "joining" },
  leaving: { letter: "L", name: "leaving" },
  benched: { letter: "B", name: "gets no work" },
  unreachable: { letter: "?", name: "unreachable" },
  down: { letter: "D", name: "down" },
  gone: { letter: "×", name: "gone" },
};

// Why it is as it is, where there is more to say than a word.
export function explain(worker) {
  const is = condition(worker);
  if (is === "slow") return `computes ${worker.slow.toFixed(1)} times as long as its job's median`;
  if (is === "benched") return worker.benchReason;
  if (is === "working" || is === "idle" || is === "spare") return "";
  return worker.reason;
}
