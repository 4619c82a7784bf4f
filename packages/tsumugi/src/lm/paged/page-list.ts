// The pages of one text in one group: which page holds which positions. Full pages may belong to several texts; one that is written in
// belongs to one.
import { invariant } from '../../base/index.ts';
import type { PageGroup } from './page-group.ts';

/** In the place of a page whose positions nobody will look at again. */
const NONE = -1;

export class PageList {
  readonly group: PageGroup;
  /** Number of the first page: it begins at position #first·page. */
  #first = 0;
  #pages: number[] = [];

  constructor(group: PageGroup) {
    this.group = group;
  }

  /** Pages held. */
  get count(): number {
    return this.#pages.reduce((sum, page) => sum + Number(page !== NONE), 0);
  }

  /** The first position of a window that ends in front of `position`. */
  reachOf(position: number): number {
    return this.group.window === null ? 0 : Math.max(0, position - this.group.window);
  }

  /** New pages that writing the positions from … to − 1 would take, copies included. */
  needed(from: number, to: number): number {
    if (from >= to) return 0;
    const { page } = this.group;
    const [begin, end] = [Math.floor(from / page), Math.ceil(to / page)];
    const held = this.#first + this.#pages.length;
    const isEmpty = this.#pages.length === 0;
    return end - Math.max(begin, isEmpty ? 0 : held) + Number(!isEmpty && begin < held && this.#isShared(begin));
  }

  /** Makes the positions from … to − 1 this text's own. What is between its last page and `from` is nobody's. */
  prepare(from: number, to: number): void {
    if (from >= to) return;
    const { group } = this;
    const [begin, end] = [Math.floor(from / group.page), Math.ceil(to / group.page)];
    if (this.#pages.length === 0) this.#first = begin;
    else if (begin < this.#first + this.#pages.length && this.#isShared(begin)) {
      const shared = this.#pages[begin - this.#first]!;
      const own = group.take();
      group.copy(shared, own);
      group.numbers.giveBack(shared);
      this.#pages[begin - this.#first] = own;
    }
    while (this.#first + this.#pages.length < begin) this.#pages.push(NONE);
    while (this.#first + this.#pages.length < end) this.#pages.push(group.take());
  }

  #isShared(page: number): boolean {
    return this.group.numbers.isShared(this.#pages[page - this.#first]!);
  }

  /** Gives back the pages in front of `position`. */
  dropBefore(position: number): void {
    const count = Math.min(this.#pages.length, Math.floor(position / this.group.page) - this.#first);
    if (count <= 0) return;
    this.#give(this.#pages.splice(0, count));
    this.#first += count;
  }

  /** Gives back the pages from `length` on. */
  cut(length: number): void {
    this.#give(this.#pages.splice(Math.max(0, Math.ceil(length / this.group.page) - this.#first)));
  }

  #give(pages: readonly number[]): void {
    for (const page of pages) if (page !== NONE) this.group.numbers.giveBack(page);
  }

  fork(): PageList {
    const copy = new PageList(this.group);
    copy.#first = this.#first;
    copy.#pages = [...this.#pages];
    for (const page of copy.#pages) if (page !== NONE) this.group.numbers.share(page);
    return copy;
  }

  /** The pages of the positions from … to − 1. */
  pagesOf(from: number, to: number): readonly number[] {
    const { page } = this.group;
    return this.#pages.slice(Math.floor(from / page) - this.#first, Math.ceil(to / page) - this.#first);
  }

  /** Where the positions from … to − 1 lie in the group's pages laid end to end. */
  placesOf(from: number, to: number): bigint[] {
    const { page } = this.group;
    return Array.from({ length: to - from }, (_, i) => {
      const position = from + i;
      const number = this.#pages[Math.floor(position / page) - this.#first];
      invariant(number !== undefined && number !== NONE, 'a position that is looked at has a page');
      return BigInt(number * page + (position % page));
    });
  }
}
