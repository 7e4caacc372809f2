import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { describeStepFailure } from '../../lambda/diagnosis/step-failure.js';
import { SessionLostError } from '../../lambda/postgres/session.js';
import { OutOfTimeError } from '../../lambda/postgres/unusable-server.js';

function refusal(code: string, message: string): Error {
  return Object.assign(new pg.DatabaseError(message, 0, 'error'), { severity: 'ERROR', code });
}

describe('a step that failed', () => {
  it.each<[cause: Error, remedy: RegExp]>([
    [
      new SessionLostError(new Error('Query read timeout'), true),
      /; the server gave no answer in time: it is overloaded/,
    ],
    [
      new SessionLostError(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }), true),
      /; the connection to the server broke, .*: the next run tries again$/,
    ],
    [new SessionLostError(new OutOfTimeError(), true), /; give the function more time, or look at what slows/],
    [
      new SessionLostError(refusal('57P01', 'terminating connection'), true),
      /57P01: .*; an administrator, or a server/,
    ],
    [refusal('57014', 'canceling statement due to statement timeout'), /57014: .*; the server was too slow/],
    [refusal('42501', 'permission denied'), /42501: .*; the role lacks a privilege: run infra\/grants\.sql again/],
    [refusal('53200', 'out of memory'), /53200: .*; the server is out of memory/],
    [refusal('22012', 'division by zero'), /22012: .*; look into the log of the server at this time/],
  ])('is told with its cause and a remedy: %s', (cause, remedy) => {
    const text = describeStepFailure('reading the server', cause);
    expect(text).toMatch(/^reading the server failed: /);
    expect(text).toMatch(remedy);
  });
});
