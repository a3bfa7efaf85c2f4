// PURE: counts by time bucket and kind, in pages of typed arrays. Any bucket can grow at any time; pages where nothing
// happened do not exist, so that a router without a failed attempt costs nothing however long the lab lives.

const PAGE = 600;
/** Buckets in one of the coarser level. */
export const COARSE = 10;

export class Buckets {
  /** `kinds`: how many counts a bucket has. With `coarse`, the sums of ten buckets are kept too: an hour has many. */
  constructor(kinds, { coarse = false } = {}) {
    this.kinds = kinds;
    this.coarse = coarse ? new Buckets(kinds) : null;
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
    this.coarse?.add(Math.floor(bucket / COARSE), kind, count);
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

  /** The same for those of which the first count is not 0; for routers, of whose attempts few fail. */
  eachFilled(from, to, visit) {
    for (let bucket = Math.max(from, this.oldest); bucket < to; ) {
      const index = Math.floor(bucket / PAGE);
      const end = Math.min(to, (index + 1) * PAGE);
      const page = this.pages.get(index);
      if (page) {
        for (let at = (bucket - index * PAGE) * this.kinds; bucket < end; bucket++, at += this.kinds) {
          if (page[at] !== 0) visit(bucket, page[at]);
        }
      }
      bucket = end;
    }
  }

  forget(before) {
    this.oldest = Math.max(this.oldest, before);
    for (const index of this.pages.keys()) if ((index + 1) * PAGE <= this.oldest) this.pages.delete(index);
    this.coarse?.forget(Math.floor(this.oldest / COARSE));
  }
}
