// SPDX-License-Identifier: MIT
/**
 * A few lines at the bottom of a terminal that are rewritten while something goes
 * on, and gone when it is over. Elsewhere, and on terminals that cannot move the
 * cursor, nothing is written.
 */
/** The part of a stream that this needs; rows and columns are known on terminals only. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

/** ms between two pictures, for what goes on faster than anybody reads. */
const PERIOD = 100;

export class LiveLines {
  readonly isOn: boolean;
  readonly #screen: Screen;
  #shown = 0;
  #last = -Infinity;

  constructor(screen: Screen) {
    this.#screen = screen;
    this.isOn = screen.isTTY === true && process.env['TERM'] !== 'dumb';
  }

  /**
   * @param picture makes the text; not called when it is not to be shown
   * @param head so many first lines stay where others have to go, such as the names of columns
   */
  show(picture: () => string, head = 0): void {
    if (!this.isOn || performance.now() - this.#last < PERIOD) return;
    this.#last = performance.now();
    // Terminals that were not told their size say 0.
    const said = (size = 0, usual: number): number => (size > 0 ? size : usual);
    const [columns, rows] = [said(this.#screen.columns, 80), said(this.#screen.rows, 24)];
    // A line that wraps, or one that scrolls away, could not be taken back.
    const all = picture().trimEnd().split('\n');
    const room = Math.max(1, rows - 1);
    const kept =
      all.length > room && room > head
        ? [...all.slice(0, head), ...all.slice(head - room)]
        : all.slice(-room);
    const lines = kept.map((line) => line.slice(0, columns - 1));
    this.#screen.write(`${this.#takeBack()}${lines.join('\n')}\n`);
    this.#shown = lines.length;
  }

  clear(): void {
    if (this.#shown > 0) this.#screen.write(this.#takeBack());
    this.#shown = 0;
    this.#last = -Infinity;
  }

  /** Up, and clear to the end of the screen. Source: ECMA-48, CPL and ED. */
  #takeBack(): string {
    return this.#shown > 0 ? `\x1b[${this.#shown}F\x1b[J` : '';
  }
}
