// PURE: what latencies there were in each frame, sparse, in chunks of a minute. Bin `b` begins at 2^(b/16) µs.

export const BINS = 512;
const CHUNK_MS = 60_000;
/** Frames of so long are kept merged, too: an hour has hundreds of these, and tens of thousands of frames. */
const COARSE_MS = 10_000;

/** Where a bin begins, in milliseconds. */
export const binStart = (bin) => 2 ** (bin / 16) / 1000;
/** Where on the scale of bins a latency in milliseconds lies; not whole. */
export const binOf = (ms) => 16 * Math.log2(ms * 1000);

export class Histograms {
  #sums = null;
  #sumsEnd = 0;

  constructor({ coarse = true } = {}) {
    this.coarse = coarse ? new Histograms({ coarse: false }) : null;
    if (coarse) this.#sums = new Uint32Array(BINS);
    /** In the order of time: {index, length, times, ends, used, bins, counts}. */
    this.chunks = [];
  }

  /** The latencies of the frame that ends at `time`; frames come in the order of time. */
  add(time, entries) {
    if (this.coarse) this.#gather(time, entries);
    const index = Math.floor(time / CHUNK_MS);
    let chunk = this.chunks.at(-1);
    if (!chunk || chunk.index !== index) {
      chunk = { index, length: 0, times: new Float64Array(640), ends: new Uint32Array(640), used: 0, bins: new Uint16Array(4096), counts: new Uint32Array(4096) };
      this.chunks.push(chunk);
    }
    if (chunk.length === chunk.times.length) widen(chunk, ['times', 'ends']);
    while (chunk.used + entries.length > chunk.bins.length) widen(chunk, ['bins', 'counts']);
    for (const [bin, count] of entries) {
      chunk.bins[chunk.used] = Math.min(bin, BINS - 1);
      chunk.counts[chunk.used++] = count;
    }
    chunk.times[chunk.length] = time;
    chunk.ends[chunk.length++] = chunk.used;
  }

  /** Adds the frames that end in (from, to] into `sums`, a dense histogram; how many requests they were. */
  merge(from, to, sums) {
    if (this.coarse && from % COARSE_MS === 0 && to % COARSE_MS === 0 && to < this.#sumsEnd) return this.coarse.merge(from, to, sums);
    let total = 0;
    const last = Math.floor(to / CHUNK_MS);
    for (let c = this.#chunkAt(from); c < this.chunks.length && this.chunks[c].index <= last; c++) {
      const { length, times, ends, bins, counts } = this.chunks[c];
      let frame = after(times, length, from);
      const stop = after(times, length, to);
      if (frame >= stop) continue;
      for (let i = frame ? ends[frame - 1] : 0; i < ends[stop - 1]; i++) {
        sums[bins[i]] += counts[i];
        total += counts[i];
      }
    }
    return total;
  }

  forget(before) {
    while (this.chunks.length && (this.chunks[0].index + 1) * CHUNK_MS <= before) this.chunks.shift();
    this.coarse?.forget(before);
  }

  /** Adds to those of ten seconds; what is over goes to the coarser level. */
  #gather(time, entries) {
    const end = Math.ceil(time / COARSE_MS) * COARSE_MS;
    if (end !== this.#sumsEnd) {
      const whole = [];
      this.#sums.forEach((count, bin) => count > 0 && whole.push([bin, count]));
      if (whole.length) this.coarse.add(this.#sumsEnd, whole);
      this.#sums.fill(0);
      this.#sumsEnd = end;
    }
    for (const [bin, count] of entries) this.#sums[Math.min(bin, BINS - 1)] += count;
  }

  #chunkAt(time) {
    const index = Math.floor(time / CHUNK_MS);
    let low = 0;
    let high = this.chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.chunks[middle].index < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The first of `length` sorted times that is later than `time`. */
function after(times, length, time) {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

function widen(chunk, names) {
  for (const name of names) {
    const column = new chunk[name].constructor(chunk[name].length * 2);
    column.set(chunk[name]);
    chunk[name] = column;
  }
}
