// SPDX-License-Identifier: MIT
/**
 * The checker of the stress run over locks: that it finds what is planted, and
 * nothing where all is as promised. The planted histories are what broken locks
 * would leave behind. The runs themselves are in `locks-stress.long.test.ts`.
 */
import { describe, expect, it } from 'vitest';
import { Guarded, GUARDED_WORDS } from '../../scripts/stress/guarded.mjs';
import { History } from '../../scripts/stress/history.mjs';
import type { Subject } from '../../scripts/stress/history.mjs';
import {
  Acquired,
  Call,
  COUNTER,
  Journal,
  Refusal,
  Start,
  Type,
  WHICH,
} from '../../scripts/stress/journal.mjs';
import type { Event } from '../../scripts/stress/journal.mjs';
import { LOCKS, readOptions, replayCommand } from '../../scripts/stress/options.mjs';
import { Random } from '../../scripts/stress/random.mjs';
import { formatFailures } from '../../scripts/stress/report.mjs';
import { readRecord, writeRecord } from '../../scripts/stress/series.mjs';

/** Events in the order they are written down, by short names. */
class Script {
  readonly history: History;
  readonly #subject: Subject;
  #seq = 0;

  constructor(permits: number | 'rw', longest: number | null = null, more: Partial<Subject> = {}) {
    this.#subject = { name: 'planted', permits, longest, ...more };
    this.history = new History([this.#subject]);
  }

  write(type: number, worker: number, op = 1, detail = 0): this {
    const event: Event = { seq: this.#seq++, worker, type, subject: 0, style: 0, op, detail };
    this.history.push(event);
    return this;
  }

  start(worker: number, op = 1, detail = 0): this {
    return this.write(Type.Start, worker, op, detail);
  }

  acquired(worker: number, op = 1, detail = 0): this {
    return this.write(Type.Acquired, worker, op, detail);
  }

  abandoned(worker: number, op = 1): this {
    return this.acquired(worker, op, Acquired.Abandoned);
  }

  release(worker: number, op = 1): this {
    return this.write(Type.Releasing, worker, op).write(Type.Released, worker, op);
  }

  take(worker: number, op = 1, detail = 0): this {
    return this.start(worker, op, detail).acquired(worker, op);
  }

  die(worker: number): this {
    return this.write(Type.Death, worker);
  }

  pass(ms: number, look?: { lost?: (worker: number) => number; late?: ReadonlySet<number> }): this {
    const { lost = () => 0, late = new Set<number>() } = look ?? {};
    for (let passed = 0; passed < ms; passed += 10) {
      this.history.notice(late);
      this.history.tick(10, { lost, late });
    }
    return this;
  }

  end(): readonly string[] {
    this.history.finish();
    return this.history.failures.map(({ kind }) => kind);
  }
}

describe('the checker of one holder', () => {
  it('finds nothing wrong with a lock that is handed on, given up, and taken over once', () => {
    const script = new Script(1).take(1).start(2).release(1).acquired(2).start(3);
    script
      .write(Type.GaveUp, 3, 1, Refusal.TimedOut)
      .start(1, 2)
      .die(2)
      .abandoned(1, 2)
      .release(1, 2)
      .take(3, 2)
      .release(3, 2);
    expect(script.end()).toEqual([]);
  });

  it('finds two holders', () => {
    expect(new Script(1).take(1).take(2).end()).toContain('double holder');
  });

  it('finds that nobody was told of a death', () => {
    expect(new Script(1).take(1).die(1).take(2).end()).toEqual(['missed abandoned']);
  });

  it('finds that two were told of one death', () => {
    expect(
      new Script(1).take(1).die(1).start(2).abandoned(2).release(2).start(3).abandoned(3).end(),
    ).toEqual(['double holder']);
  });

  it('finds that somebody was told and nobody had died', () => {
    expect(new Script(1).start(1).abandoned(1).end()).toEqual(['double holder']);
  });

  it('lets a lock be taken over before the death is heard of, but not from the living', () => {
    expect(new Script(1).take(1).start(2).abandoned(2).die(1).release(2).end()).toEqual([]);
    expect(new Script(1).take(1).start(2).abandoned(2).release(1).end()).toContain('double holder');
    expect(new Script(1).take(1).start(2).abandoned(2).release(2).end()).toEqual(['double holder']);
  });

  it('leaves open whether somebody held who died asking or releasing', () => {
    expect(new Script(1).start(1).die(1).take(2).release(2).end()).toEqual([]);
    expect(new Script(1).start(1).die(1).start(2).abandoned(2).release(2).end()).toEqual([]);
    expect(
      new Script(1).take(1).write(Type.Releasing, 1).start(2).abandoned(2).die(1).release(2).end(),
    ).toEqual([]);
    // But not for ever: the lock was had since.
    expect(new Script(1).start(1).die(1).take(2).release(2).start(3).abandoned(3).end()).toEqual([
      'double holder',
    ]);
  });

  it('finds an acquisition without a start, and a release without an acquisition', () => {
    expect(new Script(1).acquired(1).end()).toEqual(['bad history']);
    expect(new Script(1).start(1).release(1).end()).toContain('bad history');
  });

  it('passes on what a worker found in the data', () => {
    expect(new Script(1).take(1).write(Type.Violation, 1, 1, 2).end()).toEqual(['bad data']);
  });
});

describe('the checker of permits', () => {
  it('finds one too many, the dead included', () => {
    expect(new Script(2).take(1).take(2).release(1).take(3).end()).toEqual([]);
    expect(new Script(2).take(1).take(2).take(3).end()).toEqual(['double holder']);
    expect(new Script(2).take(1).take(2).die(1).take(3).end()).toEqual(['double holder']);
    expect(new Script(2).take(1).take(2).die(1).start(3).abandoned(3).end()).toEqual([]);
  });

  it('needs no abandoned while there are others', () => {
    expect(new Script(2).take(1).die(1).take(2).release(2).start(3).abandoned(3).end()).toEqual([]);
  });

  it('does not know which death was meant, as long as there are enough', () => {
    // Worker 1 died in doubt; worker 2 holds, and its death is heard of after it was followed.
    const doubt = () => new Script(2).start(1).die(1).take(2).start(3).abandoned(3);
    expect(doubt().die(2).take(4).release(4).release(3).end()).toEqual([]);
    expect(doubt().release(2).release(3).end()).toEqual([]);
    expect(new Script(2).take(2).start(3).abandoned(3).release(2).end()).toEqual(['double holder']);
  });
});

describe('the checker of permits, when a death in doubt is not the one that was meant', () => {
  /**
   * Worker 1 is in doubt; worker 3 is told, and it was worker 2 that died holding, of which nobody
   * has heard.
   */
  const told = () =>
    new Script(3)
      .start(1)
      .die(1)
      .take(2)
      .take(3)
      .release(3)
      .start(3, 2)
      .abandoned(3, 2)
      .release(3, 2);

  it('keeps the doubt', () => {
    expect(told().die(2).start(4).abandoned(4).end()).toEqual([]);
  });

  it('but once', () => {
    expect(told().die(2).start(4).abandoned(4).release(4).start(5).abandoned(5).end()).toEqual([
      'double holder',
    ]);
  });

  it('also when it comes to light later than the takeover', () => {
    // Worker 1 is in doubt, worker 2 died holding; nobody has heard of either when worker 3 is
    // told.
    const early = () => new Script(3).take(2).start(1).start(3).abandoned(3).die(1);
    expect(early().die(2).start(6).abandoned(6).end()).toEqual([]);
    expect(early().take(4).take(5).die(2).end()).toEqual([]);
    // It was worker 1 then; or four have it.
    expect(early().release(2).take(4).take(5).end()).toEqual([]);
    expect(early().write(Type.Releasing, 2).take(4).take(5).take(6).end()).toEqual([
      'double holder',
    ]);
  });

  it('and not when it was', () => {
    expect(told().release(2).start(4).abandoned(4).end()).toEqual(['double holder']);
  });

  it('nor when all permits were seen with others since', () => {
    expect(told().take(4).take(5).take(6).die(2).release(4).start(7).abandoned(7).end()).toEqual([
      'double holder',
    ]);
  });
});

describe('the checker of readers and a writer', () => {
  const reading = Start.Reading;

  it('lets readers in together, and nobody beside a writer', () => {
    expect(
      new Script('rw').take(1, 1, reading).take(2, 1, reading).release(1).release(2).take(3).end(),
    ).toEqual([]);
    expect(new Script('rw').take(1).take(2).end()).toContain('double holder');
    expect(new Script('rw').take(1).take(2, 1, reading).end()).toContain('double holder');
    expect(new Script('rw').take(1, 1, reading).take(2).end()).toEqual(['double holder']);
  });

  it('wants all to be told of a dead writer until the next one has it, and nobody of a dead reader', () => {
    const torn = () => new Script('rw').take(1).die(1).start(2, 1, reading).abandoned(2).release(2);
    expect(
      torn()
        .start(3, 1, reading)
        .abandoned(3)
        .release(3)
        .start(4)
        .abandoned(4)
        .release(4)
        .take(2, 2, reading)
        .end(),
    ).toEqual([]);
    expect(torn().take(3, 1, reading).end()).toEqual(['missed abandoned']);
    expect(torn().take(3).end()).toEqual(['missed abandoned']);
    expect(torn().start(3).abandoned(3).release(3).start(4, 1, reading).abandoned(4).end()).toEqual(
      ['double holder'],
    );
    expect(new Script('rw').take(1).die(1).take(2).end()).toEqual(['missed abandoned']);
    expect(new Script('rw').take(1).die(1).take(2, 1, reading).end()).toEqual(['missed abandoned']);
    expect(new Script('rw').take(1, 1, reading).die(1).take(2).end()).toEqual([]);
    expect(new Script('rw').take(1, 1, reading).take(2).die(1).end()).toEqual([]);
    expect(new Script('rw').take(1, 1, reading).die(1).start(2).abandoned(2).end()).toEqual([
      'double holder',
    ]);
  });

  it('lets a dead writer be followed before its death is heard of, but then it must die', () => {
    const followed = () =>
      new Script('rw').take(1).start(2, 1, reading).abandoned(2).start(3, 1, reading).abandoned(3);
    expect(followed().die(1).release(2).release(3).start(4).abandoned(4).end()).toEqual([]);
    expect(followed().release(1).end()).toContain('double holder');
    expect(followed().end()).toEqual(['double holder']);
  });

  it('leaves open whether a writer had it that died asking, until somebody was told or was not', () => {
    const doubt = () => new Script('rw').start(1).die(1);
    expect(doubt().take(2, 1, reading).release(2).take(3).end()).toEqual([]);
    expect(
      doubt().start(2, 1, reading).abandoned(2).release(2).start(3).abandoned(3).end(),
    ).toEqual([]);
    expect(doubt().start(2, 1, reading).abandoned(2).release(2).take(3).end()).toEqual([
      'missed abandoned',
    ]);
    expect(doubt().take(2, 1, reading).release(2).start(3).abandoned(3).end()).toEqual([
      'double holder',
    ]);
    expect(doubt().take(2).release(2).start(3).abandoned(3).end()).toEqual(['double holder']);
    expect(
      new Script('rw').take(1).write(Type.Releasing, 1).start(2).abandoned(2).die(1).end(),
    ).toEqual([]);
  });

  it('lets a reader that was in before the death write that down after others were told', () => {
    const late = () =>
      new Script('rw').start(1).start(2, 1, reading).start(3, 1, reading).die(1).abandoned(3);
    expect(late().acquired(2).end()).toEqual([]);
    expect(late().abandoned(2).end()).toEqual([]);
    expect(late().take(4, 1, reading).end()).toEqual(['missed abandoned']);
  });
});

describe('the checker of waiting', () => {
  it('finds a hang', () => {
    expect(new Script(1).take(1).start(2).pass(1900).end()).toEqual([]);
    expect(new Script(1).take(1).start(2).pass(2100).end()).toEqual(['hang']);
    expect(new Script(1).take(1).die(1).start(2).pass(2100).end()).toContain('hang');
    expect(new Script(1).start(1).die(1).pass(10_000).end()).toEqual([]);
  });

  it('finds who starves while others get it', () => {
    const script = new Script(1).start(1);
    for (let op = 1; op < 1100; op++) script.take(2, op).release(2, op).pass(10);
    expect(script.end()).toEqual(['starvation']);
  });

  it('finds who starves however many others wait, and whatever disturbs it', () => {
    const starving = (ms: number, detail = 0) => {
      const script = new Script(1, 15_000).start(1, 1, detail);
      for (let op = 1; op <= ms / 10; op++) {
        script.take(2, op).release(2, op).pass(10);
        if (op % 100 === 0) script.start(op).die(op);
      }
      return script.end();
    };
    expect(starving(14_900)).toEqual([]);
    expect(starving(15_100)).toEqual(['starvation']);
    expect(starving(15_100, Start.Timed)).toEqual(['starvation']);
  });

  it('finds who waits for longer than its turns take, unless somebody died', () => {
    const waiting = (ms: number, death: boolean) => {
      const script = new Script(1, 200).start(1);
      for (let op = 1; op <= ms / 10; op++) script.take(2, op).release(2, op).pass(10);
      if (death) script.start(3).die(3);
      return script.acquired(1).end();
    };
    expect(waiting(200, false)).toEqual([]);
    expect(waiting(210, false)).toEqual(['long wait']);
    expect(waiting(210, true)).toEqual([]);
  });

  it('holds readers and those in one worker to that no more than before', () => {
    for (const detail of [Start.Crowd, Start.Reading]) {
      const script = new Script(1, 200).start(1, 1, detail);
      for (let op = 1; op <= 30; op++) script.take(2, op).release(2, op).pass(10);
      expect(script.acquired(1).end()).toEqual([]);
    }
    const script = new Script(1, null).start(1);
    for (let op = 1; op <= 30; op++) script.take(2, op).release(2, op).pass(10);
    expect(script.acquired(1).end()).toEqual([]);
  });

  it('excuses that, and no more, when an event loop that waits beside does not come round', () => {
    const waiting = (late: boolean, detail: number) => {
      const script = new Script(1, 200).start(1).start(3, 1, detail);
      for (let op = 1; op <= 30; op++) script.take(2, op).release(2, op).pass(10);
      script.history.notice(new Set(late ? [3] : []));
      return script.acquired(1).end();
    };
    expect(waiting(true, Start.Async)).toEqual([]);
    expect(waiting(false, Start.Async)).toEqual(['long wait']);
    // A thread that waits in the lock has no event loop to come round.
    expect(waiting(true, 0)).toEqual(['long wait']);
  });

  it('finds a notification that was lost, and one that nobody made', () => {
    const waiting = () => new Script(1).take(1).write(Type.Waiting, 1);
    const called = () =>
      waiting().take(2).write(Type.Calling, 2, 0, Call.AllLocked).write(Type.Called, 2).release(2);
    expect(waiting().pass(20_000).end()).toEqual([]);
    expect(called().acquired(1, 1, Acquired.Notified).release(1).end()).toEqual([]);
    expect(waiting().write(Type.GaveUp, 1, 1, Refusal.Unlocked).end()).toEqual([]);
    expect(waiting().acquired(1, 1, Acquired.Notified).end()).toEqual(['false notification']);
    const lost = called();
    for (let op = 2; op < 1100; op++) lost.take(2, op).release(2, op).pass(10);
    expect(lost.end()).toContain('lost notification');
  });
});

describe('the checker of standstills', () => {
  const waiting = (detail = 0) => new Script(1).start(2, 1, detail);

  it('finds that nothing moves though nobody holds it and somebody waits', () => {
    expect(waiting().pass(90).acquired(2).end()).toEqual([]);
    expect(waiting().pass(150).acquired(2).end()).toEqual(['standstill']);
    expect(new Script(1).take(1).start(2).pass(1000).release(1).acquired(2).end()).toEqual([]);
    expect(new Script(1).take(1).start(2).release(1).pass(150).end()).toEqual(['standstill']);
  });

  it('tells the words of the lock', () => {
    const script = new Script(1, null, { words: () => '7273 fffffffe' }).start(2).pass(150);
    expect(script.history.failures[0]?.text).toMatch(
      /^nobody holds it, .*worker 2 \(operation 1, 0\) waits; .*its words: 7273 fffffffe$/,
    );
  });

  it('does not count while events are held back', () => {
    const script = waiting();
    for (let passed = 0; passed < 500; passed += 10)
      script.history.tick(10, { lost: () => 0, late: new Set(), isBehind: true });
    expect(script.end()).toEqual([]);
    expect(script.history.behind).toBe(500);
  });

  it('is not put off by others who ask, try or give up', () => {
    const script = waiting();
    for (let op = 1; op <= 5; op++) {
      script.pass(30).start(3, op, Start.Timed).write(Type.GaveUp, 3, op, Refusal.TimedOut);
    }
    expect(script.end()).toEqual(['standstill']);
  });

  it('knows when there is room for who waits', () => {
    const reading = Start.Reading;
    expect(new Script(2).take(1).start(2).pass(150).end()).toEqual(['standstill']);
    expect(new Script(2).take(1).take(2).start(3).pass(150).end()).toEqual([]);
    expect(new Script('rw').take(1, 1, reading).start(2, 1, reading).pass(150).end()).toEqual([
      'standstill',
    ]);
    expect(new Script('rw').take(1, 1, reading).start(2).pass(150).end()).toEqual([]);
    expect(
      new Script('rw').take(1, 1, reading).start(2).start(3, 1, reading).pass(150).end(),
    ).toEqual([]);
  });

  it('leaves tries alone, and those who wait on a condition until they are called', () => {
    expect(waiting(Start.Try).pass(150).end()).toEqual([]);
    const onCondition = () => new Script(1).take(1).write(Type.Waiting, 1);
    expect(onCondition().pass(150).end()).toEqual([]);
    expect(
      onCondition()
        .take(2)
        .write(Type.Calling, 2, 0, Call.AllLocked)
        .write(Type.Called, 2)
        .release(2)
        .pass(150)
        .end(),
    ).toEqual(['standstill']);
  });

  it('counts event loops only while they come round', () => {
    const late = new Set([2]);
    expect(waiting(Start.Async).pass(150).end()).toEqual(['standstill']);
    expect(waiting(Start.Async).pass(500, { late }).end()).toEqual([]);
    expect(waiting(Start.Async).pass(500, { late }).pass(90).acquired(2).end()).toEqual([]);
    expect(waiting(Start.Async).pass(500, { late }).pass(150).end()).toEqual(['standstill']);
    expect(waiting().pass(150, { late }).end()).toEqual(['standstill']);
    // A request of a busy event loop does not keep the lock from others.
    expect(
      waiting()
        .start(3, 1, Start.Async)
        .pass(150, { late: new Set([3]), lost: (worker) => (worker === 3 ? 10 : 0) })
        .end(),
    ).toEqual(['standstill']);
  });

  it('excuses those who have no CPU, and says for how long', () => {
    const script = waiting()
      .start(3)
      .pass(500, { lost: (worker) => (worker === 3 ? 10 : 0) });
    expect(script.acquired(2).release(2).acquired(3).end()).toEqual([]);
    expect(script.history.summary()[0]?.excused).toEqual({ noCpu: 500, deaths: 0, reserved: 0 });
    expect(
      waiting()
        .pass(500, { lost: () => 5 })
        .end(),
    ).toEqual(['standstill']);
  });

  it('excuses a death until it must have been noticed, and one of a waiter while the lock is reserved', () => {
    const dead = () => new Script(1).take(1).start(2).die(1);
    expect(dead().pass(140).abandoned(2).end()).toEqual([]);
    expect(dead().pass(250).abandoned(2).end()).toEqual(['standstill']);
    const told = new Script(1).start(1).start(2).write(Type.Kill, 1).pass(500).die(1).pass(140);
    expect(told.acquired(2).end()).toEqual([]);
    const reserved = (isReserved: boolean) =>
      new Script(1, null, { isReserved: () => isReserved }).start(1).start(2).die(1);
    expect(reserved(true).pass(350).acquired(2).end()).toEqual([]);
    expect(reserved(true).pass(500).acquired(2).end()).toEqual(['standstill']);
    expect(reserved(false).pass(350).acquired(2).end()).toEqual(['standstill']);
    // The line counts the dead until the lock was reserved for them, however long that takes.
    const later = (isLineEmpty: boolean) =>
      new Script(1, null, { isReserved: () => true, isLineEmpty: () => isLineEmpty })
        .start(1)
        .die(1)
        .pass(1000)
        .start(2)
        .pass(250);
    expect(later(false).acquired(2).end()).toEqual([]);
    expect(later(true).acquired(2).end()).toEqual(['standstill']);
  });
});

describe('the checker of tries', () => {
  const refused = (script: Script, worker: number) =>
    script.start(worker, 9, Start.Try).write(Type.GaveUp, worker, 9, Refusal.Refused);

  it('finds one that did not get what nobody had', () => {
    expect(refused(new Script(1), 1).end()).toEqual(['refused']);
    expect(refused(new Script(1).take(2).release(2), 1).end()).toEqual(['refused']);
    expect(refused(new Script(1).take(2), 1).end()).toEqual([]);
    expect(refused(new Script(1).start(2), 1).end()).toEqual([]);
    expect(refused(new Script(1).take(2).write(Type.Releasing, 2), 1).end()).toEqual([]);
    expect(refused(new Script(3).take(2).take(3), 1).end()).toEqual(['refused']);
    expect(refused(new Script(3).take(2).take(3).take(4), 1).end()).toEqual([]);
    // It may be reserved for the one who waits.
    expect(refused(new Script(3).take(2).start(3), 1).end()).toEqual([]);
    expect(
      new Script(1).start(1, 1, Start.Try).start(2).write(Type.GaveUp, 1, 1, Refusal.Refused).end(),
    ).toEqual([]);
  });

  it('knows that readers are in nobody’s way but a writer’s', () => {
    const tried = (detail: number) =>
      new Script('rw')
        .take(2, 1, Start.Reading)
        .start(1, 9, Start.Try | detail)
        .write(Type.GaveUp, 1, 9, Refusal.Refused);
    expect(tried(Start.Reading).end()).toEqual(['refused']);
    expect(tried(0).end()).toEqual([]);
  });

  it('excuses one soon after a death', () => {
    expect(refused(new Script(1).take(2).die(2), 1).end()).toEqual([]);
    expect(refused(new Script(1).take(2).die(2).pass(100), 1).end()).toEqual(['refused']);
  });

  it('excuses one of a lock that is kept for the dead', () => {
    const kept = (script: Script) =>
      script.pass(1000).start(1, 9, Start.Try).write(Type.GaveUp, 1, 9, Refusal.Reserved).end();
    expect(kept(new Script(1).start(2).die(2))).toEqual([]);
    expect(kept(new Script(1).take(2).die(2))).toEqual(['refused']);
    expect(refused(new Script(1).start(2).die(2).pass(1000), 1).end()).toEqual(['refused']);
  });
});

/** Events at a barrier for three, or at queues; generations are as the barrier counts them. */
class Gathering {
  readonly history: History;
  #seq = 0;
  /** For details of a queue. */
  which = 0;

  constructor(more: Partial<Subject>) {
    this.history = new History([{ name: 'planted', permits: 0, longest: null, ...more }]);
  }

  write(type: number, worker: number, op = 1, detail = 0): this {
    const event: Event = { seq: this.#seq++, worker, type, subject: 0, style: 0, op, detail };
    this.history.push(event);
    return this;
  }

  come(worker: number, generation: number, op = 1, how = 0): this {
    return this.write(Type.Start, worker, op, how | (generation << WHICH));
  }

  passed(worker: number, place: number, generation: number, op = 1): this {
    return this.write(Type.Acquired, worker, op, place | (generation << WHICH));
  }

  refused(worker: number, why: number, generation: number, op = 1): this {
    return this.write(Type.GaveUp, worker, op, why | (generation << WHICH));
  }

  reset(worker: number): this {
    return this.write(Type.Calling, worker, 0, Call.Reset).write(
      Type.Called,
      worker,
      0,
      Call.Reset,
    );
  }

  abort(worker: number): this {
    return this.write(Type.Calling, worker, 0, Call.Abort).write(
      Type.Called,
      worker,
      0,
      Call.Abort,
    );
  }

  begin(worker: number, op: number, how = 0): this {
    return this.write(Type.Start, worker, op, how | (this.which << WHICH));
  }

  beginPush(worker: number, op: number, how = 0): this {
    return this.begin(worker, op, Start.Push | how);
  }

  push(worker: number, op: number, how = 0): this {
    return this.beginPush(worker, op, how).write(Type.Acquired, worker, op);
  }

  pop(worker: number, op: number, record: number): this {
    return this.begin(worker, op).write(Type.Acquired, worker, op, record);
  }

  close(worker: number): this {
    const detail = Call.Close | (this.which << WHICH);
    return this.write(Type.Calling, worker, 0, detail).write(Type.Called, worker, 0, detail);
  }

  die(worker: number): this {
    return this.write(Type.Death, worker);
  }

  pass(ms: number, look?: { lost?: (worker: number) => number; late?: ReadonlySet<number> }): this {
    const { lost = () => 0, late = new Set<number>() } = look ?? {};
    for (let passed = 0; passed < ms; passed += 10) {
      this.history.tick(10, { lost, late, next: this.#seq });
    }
    return this;
  }

  end(): readonly string[] {
    this.history.finish();
    return this.history.failures.map(({ kind }) => kind);
  }
}

describe('the checker of a barrier', () => {
  const barrier = () => new Gathering({ parties: 3 });
  const three = (script = barrier(), generation = 4, op = 1) =>
    script.come(1, generation, op).come(2, generation, op).come(3, generation, op);

  it('finds nothing wrong where all pass, or none', () => {
    const all = () => three().passed(3, 2, 5).passed(1, 0, 5).passed(2, 1, 5);
    expect(all().end()).toEqual([]);
    expect(
      three(all(), 5, 2).passed(1, 0, 6, 2).passed(2, 1, 6, 2).passed(3, 2, 6, 2).end(),
    ).toEqual([]);
    const none = barrier().come(1, 4).come(2, 4, 1, Start.Timed);
    none.refused(2, Refusal.TimedOut, 4).refused(1, Refusal.Broken, 4).reset(1);
    expect(
      three(none, 5, 2).passed(3, 2, 6, 2).passed(2, 1, 6, 2).passed(1, 0, 6, 2).end(),
    ).toEqual([]);
  });

  it('goes on counting generations after a round', () => {
    const last = 0x7fff;
    const script = three(barrier(), last).passed(1, 0, 4).passed(2, 1, 4).passed(3, 2, 4);
    expect(
      three(script, 4, 2).passed(1, 0, 5, 2).passed(2, 1, 5, 2).passed(3, 2, 5, 2).end(),
    ).toEqual([]);
  });

  it('finds that a generation passed without all, or not all of it', () => {
    expect(barrier().come(1, 4).come(2, 4).passed(1, 0, 5).passed(2, 1, 5).end()).toEqual([
      'early pass',
    ]);
    expect(
      three().passed(3, 2, 5).passed(1, 0, 5).abort(4).refused(2, Refusal.Broken, 5).end(),
    ).toEqual(['early pass']);
    expect(three().passed(1, 0, 5).passed(2, 0, 5).passed(3, 2, 5).end()).toContain('early pass');
    expect(three().passed(1, 3, 5).end()).toContain('bad place');
    // Before the others came.
    expect(barrier().come(1, 4).passed(1, 0, 4).end()).toContain('early pass');
  });

  it('lets the dead take one place, and those whom a reset refused late', () => {
    const dead = () => barrier().come(1, 4).die(1).come(2, 4).come(3, 4);
    expect(dead().passed(2, 1, 5).passed(3, 2, 5).end()).toEqual([]);
    const gone = dead().passed(3, 2, 5).abort(4).refused(2, Refusal.Broken, 5);
    expect(gone.end()).toEqual(['early pass']);
    const next = dead().passed(2, 1, 5).passed(3, 2, 5).come(2, 5, 2).come(3, 5, 2);
    expect(next.passed(2, 0, 6, 2).passed(3, 1, 6, 2).end()).toEqual(['early pass']);
    const late = three().passed(3, 2, 5).passed(1, 0, 5).reset(1).refused(2, Refusal.Broken, 6);
    expect(late.end()).toEqual([]);
  });

  it('finds that it broke though nobody gave up, died or broke it', () => {
    const broken = (script: Gathering) => script.come(2, 5, 2).refused(2, Refusal.Broken, 5, 2);
    expect(broken(barrier()).end()).toEqual(['false break']);
    expect(broken(barrier().abort(1)).end()).toEqual([]);
    expect(broken(barrier().die(1)).end()).toEqual([]);
    expect(broken(barrier().write(Type.Kill, 1)).end()).toEqual([]);
    expect(broken(barrier().come(1, 5, 1, Start.Timed)).history.failures).toEqual([]);
    expect(broken(barrier().abort(1).reset(1)).end()).toEqual(['false break']);
  });

  it('finds one that waits though a later one is through, gave up or died', () => {
    const waits = () => barrier().come(1, 4).pass(30);
    const later = () => waits().come(2, 4, 1, Start.Timed).pass(30);
    const through = later().come(3, 4).passed(3, 2, 5);
    expect(through.pass(90).passed(2, 1, 5).passed(1, 0, 5).end()).toEqual([]);
    expect(later().come(3, 4).passed(3, 2, 5).pass(150).history.failures[0]?.text).toMatch(
      /^worker 1 .* waits though worker 3 has passed that came later; its words: unknown$/,
    );
    expect(later().refused(2, Refusal.TimedOut, 4).pass(150).history.failures).toHaveLength(1);
    const died = (generation: number | null) =>
      new Gathering({ parties: 3, generation: () => generation })
        .come(2, 4)
        .come(1, 4)
        .pass(30)
        .die(2);
    expect(died(4).pass(170).history.failures).toEqual([]);
    expect(died(4).pass(250).history.failures).toHaveLength(1);
    expect(died(5).pass(250).history.failures).toEqual([]);
    expect(died(null).pass(250).history.failures).toEqual([]);
    expect(waits().abort(2).pass(150).history.failures).toHaveLength(1);
    // It may have arrived after that.
    expect(barrier().come(1, 4).abort(2).pass(150).history.failures).toEqual([]);
  });

  it('excuses one that has no CPU, or whose event loop does not come round, or that is to end', () => {
    const over = (how = 0) => barrier().come(1, 4, 1, how).pass(30).abort(2);
    expect(over().pass(500, { lost: () => 10 }).history.failures).toEqual([]);
    expect(over(Start.Async).pass(500, { late: new Set([1]) }).history.failures).toEqual([]);
    expect(over().pass(500, { late: new Set([1]) }).history.failures).toHaveLength(1);
    expect(over().write(Type.Kill, 1).pass(500).history.failures).toEqual([]);
  });

  it('finds that enough wait, that one waits for ever, or when all have ended', () => {
    expect(three().pass(100).history.failures).toEqual([]);
    expect(
      three()
        .pass(150)
        .history.failures.map(({ kind }) => kind),
    ).toEqual(['standstill']);
    expect(barrier().come(1, 4).pass(10_100).history.failures[0]?.kind).toBe('hang');
    expect(barrier().come(1, 4).end()).toEqual(['in the end']);
  });
});

describe('the checker of queues', () => {
  const queues = (which = 3) => {
    const script = new Gathering({ queues: {} });
    // The fourth holds eight records.
    script.which = which;
    return script;
  };
  const found = (script: Gathering, record: number) => {
    script.history.found(0, script.which, record);
    return script;
  };

  it('finds nothing wrong with records that are popped once, in their order', () => {
    const script = queues().push(1, 10).push(2, 11).beginPush(1, 12);
    script.pop(3, 13, 10).pop(3, 14, 11).pop(4, 15, 12).write(Type.Acquired, 1, 12);
    expect(found(script.push(1, 16), 16).end()).toEqual([]);
  });

  it('finds one that is popped twice, or was not pushed', () => {
    expect(queues().push(1, 10).pop(2, 11, 10).pop(3, 12, 10).end()).toEqual(['popped twice']);
    expect(queues().pop(2, 11, 10).end()).toEqual(['popped twice']);
    const gaveUp = () => queues().beginPush(1, 10).write(Type.GaveUp, 1, 10, Refusal.TimedOut);
    expect(gaveUp().pop(2, 11, 10).end()).toEqual(['popped twice']);
    expect(
      queues().beginPush(1, 10).pop(2, 11, 10).write(Type.GaveUp, 1, 10, Refusal.TimedOut).end(),
    ).toEqual(['popped twice']);
  });

  it('finds one that is lost, unless someone died who may have taken it', () => {
    const two = () => queues().push(1, 10).push(1, 11);
    expect(two().pop(2, 12, 11).end()).toEqual(['lost record']);
    expect(queues().push(1, 10).end()).toEqual(['lost record']);
    expect(two().begin(3, 12).pop(2, 13, 11).history.failures).toEqual([]);
    expect(two().begin(3, 12).die(3).pop(2, 13, 11).end()).toEqual([]);
    expect(two().push(1, 14).begin(3, 12).die(3).pop(2, 13, 14).end()).toEqual(['lost record']);
    // It had died before that was pushed.
    expect(queues().begin(3, 12).die(3).push(1, 10).push(1, 11).pop(2, 13, 11).end()).toEqual([
      'lost record',
    ]);
  });

  it('finds another order than that in which they were pushed', () => {
    const late = () => queues().push(1, 10).push(1, 11).begin(3, 12).pop(2, 13, 11);
    expect(late().write(Type.Acquired, 3, 12, 10).end()).toEqual([]);
    const kept = late().write(Type.GaveUp, 3, 12, Refusal.TimedOut);
    expect(kept.history.failures.map(({ kind }) => kind)).toEqual(['lost record']);
    expect(late().pop(4, 14, 10).end()).toEqual(['order']);
    // Those of two who push at a time may come either way, but not those of one event loop.
    const atATime = (other: number) =>
      queues().beginPush(1, 10, Start.Async).beginPush(other, 11, Start.Async).pop(2, 12, 11);
    expect(atATime(4).pop(2, 13, 10).history.failures).toEqual([]);
    expect(
      atATime(1)
        .pop(2, 13, 10)
        .history.failures.map(({ kind }) => kind),
    ).toEqual(['order']);
  });

  it('leaves open whether one was pushed whose worker died pushing it', () => {
    const dead = () => queues().beginPush(1, 10).die(1);
    expect(dead().end()).toEqual([]);
    expect(dead().pop(2, 11, 10).end()).toEqual([]);
    expect(dead().push(3, 12).pop(2, 13, 12).end()).toEqual([]);
    expect(dead().push(3, 12).pop(2, 13, 12).pop(2, 14, 10).end()).toEqual(['popped twice']);
  });

  it('finds a queue closed that nobody closed, or not empty, or open after that', () => {
    const empty = (script: Gathering, op = 20) =>
      script.begin(2, op).write(Type.GaveUp, 2, op, Refusal.Closed);
    expect(empty(queues()).end()).toEqual(['false close']);
    expect(empty(queues().close(1)).end()).toEqual([]);
    expect(empty(queues().push(1, 10).close(1)).end()).toEqual(['lost record']);
    expect(queues().close(1).push(1, 10).pop(2, 11, 10).end()).toEqual(['pushed']);
    expect(empty(queues().beginPush(1, 10).close(1)).pop(3, 11, 10).end()).toEqual(['order']);
  });

  it('finds more records than there is room for', () => {
    expect(
      queues(0)
        .push(1, 10)
        .push(1, 11)
        .history.failures.map(({ kind }) => kind),
    ).toEqual(['too many']);
    expect(queues(0).push(1, 10).begin(2, 12).push(1, 11).history.failures).toEqual([]);
  });

  it('finds that nothing moves where there is a record, or room, or the queue is closed', () => {
    const kinds = (script: Gathering) => script.history.failures.map(({ kind }) => kind);
    expect(kinds(queues().begin(1, 10).pass(500))).toEqual([]);
    expect(kinds(queues().push(2, 11).begin(1, 10).pass(90))).toEqual([]);
    expect(kinds(queues().push(2, 11).begin(1, 10).pass(150))).toEqual(['standstill']);
    expect(kinds(queues().begin(1, 10).close(2).pass(150))).toEqual(['standstill']);
    expect(kinds(queues(0).push(2, 11).beginPush(1, 10).pass(500))).toEqual([]);
    expect(kinds(queues(1).push(2, 11).beginPush(1, 10).pass(150))).toEqual(['standstill']);
    expect(kinds(queues(0).push(2, 11).beginPush(1, 10).close(2).pass(150))).toEqual([
      'standstill',
    ]);
    // It may have been taken by one who died, and that is noticed later.
    const dead = () => queues().push(2, 11).begin(3, 12).begin(1, 10).die(3);
    expect(kinds(dead().pass(500))).toEqual([]);
    expect(kinds(dead().push(2, 13).pass(140))).toEqual([]);
    expect(kinds(dead().push(2, 13).pass(250))).toEqual(['standstill']);
    expect(
      kinds(
        queues()
          .push(2, 11)
          .begin(1, 10)
          .pass(500, { lost: () => 10 }),
      ),
    ).toEqual([]);
  });

  it('finds a try that was refused with nobody in its way', () => {
    const tried = (script: Gathering, how: number) =>
      script
        .begin(1, 20, Start.Try | how)
        .write(Type.GaveUp, 1, 20, Refusal.Refused)
        .history.failures.map(({ kind }) => kind);
    expect(tried(queues(), 0)).toEqual([]);
    expect(tried(queues().push(2, 10), 0)).toEqual(['refused']);
    expect(tried(queues().push(2, 10).begin(3, 11), 0)).toEqual([]);
    expect(tried(queues(0).push(2, 10), Start.Push)).toEqual([]);
    expect(tried(queues(0), Start.Push)).toEqual(['refused']);
    expect(tried(queues(0).beginPush(2, 10), Start.Push)).toEqual([]);
  });

  it('finds a record that is torn', () => {
    const record = writeRecord(1234);
    expect(readRecord(record)).toBe(1234);
    expect(() => readRecord(record.slice(0, -1))).toThrow('Record');
    record[5] = (record[5] ?? 0) ^ 1;
    expect(() => readRecord(record)).toThrow('Record');
  });
});

describe('what a lock guards', () => {
  const guarded = () => new Guarded(new Int32Array(GUARDED_WORDS));

  it('is repaired by a writer that was told that it may be half done', () => {
    const data = guarded();
    data.begin(1, false);
    data.begin(2, true);
    data.end(2);
    expect(data.isClean).toBe(true);
  });

  it('must not be found half done by anybody who was not told', () => {
    const data = guarded();
    data.begin(1, false);
    expect(() => {
      data.begin(2, false);
    }).toThrow('NotClean');
    expect(() => {
      data.beginReading(false);
    }).toThrow('NotClean');
    data.beginReading(true);
    data.checkReading();
  });
});

describe('the journal', () => {
  it('hands over what was written, in order and round the ring', () => {
    const shared = new Int32Array(new SharedArrayBuffer(8));
    const buffer = Journal.create();
    const [writer, reader] = [new Journal(buffer, shared), new Journal(buffer, shared)];
    const events: Event[] = [];
    for (let op = 0; op < 10_000; op++) {
      writer.write(Type.Start, 2, 3, op, 5);
      if (op % 1000 === 0) reader.drain(7, events);
    }
    reader.drain(7, events);
    expect(events).toHaveLength(10_000);
    expect(events.every(({ seq, op }, index) => seq === index && op === index)).toBe(true);
    expect(events[0]).toEqual({
      seq: 0,
      worker: 7,
      type: Type.Start,
      subject: 2,
      style: 3,
      op: 0,
      detail: 5,
    });
    expect(reader.watermark(Atomics.load(shared, COUNTER))).toBe(10_000);
  });
});

describe('the command line', () => {
  it('has defaults, and says how to repeat a run', () => {
    const options = readOptions(['--seed', '5', '--lock', 'rw', '--no-addon']);
    expect(options).toMatchObject({
      seconds: 60,
      workers: 8,
      kinds: ['rw'],
      noAddon: true,
      patience: 1,
    });
    expect(options && readOptions(replayCommand(options).split(' ').slice(2))).toEqual(options);
    expect(readOptions(['--help'])).toBeNull();
    expect(readOptions([], true)).toMatchObject({ patience: 10, kinds: LOCKS });
  });

  it.each([
    ['--seconds', '0', /from 0.1/],
    ['--workers', '1', /whole number from 2/],
    ['--lock', 'padlock', /knows mutex.*not 'padlock'/],
    ['--seed', '1.5', /whole/],
    ['--plant', 'weeds', /knows lost-wake, not 'weeds'/],
  ])('refuses %s %s', (option, value, message) => {
    expect(() => readOptions([option, value])).toThrow(message);
  });

  it('tells how to repeat what it found, and what came before', () => {
    const { history } = new Script(1).take(1).take(2);
    expect(formatFailures(history.failures, 'node stress --seed 9')).toMatch(
      /^planted: double holder: worker 2 .*\n {2}the last events:\n(.*\n)*.*3: worker 2, operation 1 .*Acquired 0\n(.*\n)*To try again: node stress --seed 9\n$/,
    );
  });

  it('draws the same from the same seed', () => {
    const draw = (seed: number) =>
      Array.from(
        { length: 20 },
        (
          (random) => () =>
            random.next()
        )(new Random(seed)),
      );
    expect(draw(5)).toEqual(draw(5));
    expect(draw(5)).not.toEqual(draw(6));
  });
});
