// PURE: counts by time bucket and kind, in pages of typed arrays. Any bucket can grow at any time; pages where nothing
// happened do not exist, so that a router without a failed attempt costs nothing however long the lab lives.

const PAGE = 600;

export class Buckets {
  /** @param {number} kinds how many counts a bucket has */
  constructor(kinds) {
    this.kinds = kinds;
    this.pages = new Map();
    /** Buckets before this one are forgotten, and additions to them too. */
    this.oldest = 0;
    /** The last bucket that has a count; -1: none. */
    this.last = -1;
  }

  add(bucket, kind, count) {
    if (bucket < this.oldest) return;
    const index = Math.floor(bucket / PAGE);
    let page = this.pages.get(index);
    if (!page) this.pages.set(index, (page = new Uint32Array(PAGE * this.kinds)));
    page[(bucket - index * PAGE) * this.kinds + kind] += count;
    if (bucket > this.last) this.last = bucket;
  }

  get(bucket, kind) {
    const index = Math.floor(bucket / PAGE);
    const page = this.pages.get(index);
    return page ? page[(bucket - index * PAGE) * this.kinds + kind] : 0;
  }

  /** Adds the counts of [from, to) into `sums`, which has room for every kind. */
  sum(from, to, sums) {
    const kinds = this.kinds;
    for (let bucket = Math.max(from, this.oldest); bucket < to; ) {
      const index = Math.floor(bucket / PAGE);
      const end = Math.min(to, (index + 1) * PAGE);
      const page = this.pages.get(index);
      if (page) {
        const stop = (end - index * PAGE) * kinds;
        for (let i = (bucket - index * PAGE) * kinds, kind = 0; i < stop; i++) {
          sums[kind] += page[i];
          if (++kind === kinds) kind = 0;
        }
      }
      bucket = end;
    }
    return sums;
  }

  /** Calls `visit(bucket, counts, offset)` for each bucket of [from, to) that is in a page: `counts[offset + kind]`. */
  each(from, to, visit) {
    for (let bucket = Math.max(from, this.oldest); bucket < to; ) {
      const index = Math.floor(bucket / PAGE);
      const end = Math.min(to, (index + 1) * PAGE);
      const page = this.pages.get(index);
      if (page) for (; bucket < end; bucket++) visit(bucket, page, (bucket - index * PAGE) * this.kinds);
      bucket = end;
    }
  }

  forget(before) {
    this.oldest = Math.max(this.oldest, before);
    for (const index of this.pages.keys()) if ((index + 1) * PAGE <= this.oldest) this.pages.delete(index);
  }
}
