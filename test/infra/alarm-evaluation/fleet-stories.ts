import type { Story } from './story.js';
import { applications, inAnotherDatabase, roles } from './words.js';

/** Eighty applications of one backend each. The first twenty have a series of their own, sixty go into `(other)`. */
const TENANTS = Array.from({ length: 80 }, (_, index) => `tenant-${String(index).padStart(2, '0')}`);

export const eighty = TENANTS.map((name) => `${name}=1`).join('&');

/** The states of the tenants that have a series of their own. */
export const ofNamed = (states: string) => Object.fromEntries(TENANTS.slice(0, 20).map((name) => [name, states]));

/** The alarms of which each application or role is a contributor, with a sweep every minute. */
export const FLEET_STORIES: Readonly<Record<string, Story>> = {
  ApplicationConnectionsHigh: {
    perInstance: false,
    minute: applications,
    scenarios: [
      {
        name: 'goes off for the application that holds half, and for no other, and recovers',
        given: `checkout=40&billing=10 checkout=50&billing=10 checkout=50&billing=10 checkout=40&billing=10 checkout=40&billing=10`,
        states: 'OOAAO',
        contributors: { checkout: 'OOAAO', billing: 'OOOOO' },
      },
      {
        name: 'counts two of three though they are apart',
        given: 'checkout=60 checkout=10 checkout=60 checkout=10 checkout=10',
        states: 'OOAOO',
        contributors: { checkout: 'OOAOO' },
      },
      {
        name: 'stays quiet just below',
        given: 'checkout=49 checkout=49 checkout=49 checkout=49',
        states: 'OOOO',
        contributors: { checkout: 'OOOO' },
      },
      {
        name: 'takes a single one for a deployment',
        given: 'checkout=60 checkout=10 checkout=10 checkout=60 checkout=10',
        states: 'OOOOO',
        contributors: { checkout: 'OOOOO' },
      },
      {
        name: 'hears a new application by itself',
        given: 'billing=10 billing=10 billing=10&importer=60 billing=10&importer=60 billing=10&importer=60',
        states: 'OOOAA',
        contributors: { billing: 'OOOOO', importer: '--OAA' },
      },
      {
        name: 'lets go of an application that left',
        given: 'a=1&b=60 a=1&b=60 a=1 a=1 a=1 a=1 a=1 a=1',
        states: 'OAAAAOOO',
        contributors: { a: 'OOOOOOOO', b: 'OAAAAO--' },
      },
      {
        name: 'takes many small ones in (other) for many, though together they hold most',
        given: `${eighty} ${eighty} ${eighty}`,
        states: 'OOO',
        contributors: { ...ofNamed('OOO'), '(other)': 'OOO' },
      },
      {
        name: 'goes off for (other) when one in it holds half, since all places are taken',
        given: `${eighty} ${eighty} ${eighty}&importer=50 ${eighty}&importer=50 ${eighty}&importer=50`,
        states: 'OOOAA',
        contributors: { ...ofNamed('OOOOO'), '(other)': 'OOOAA' },
      },
      {
        name: 'goes off for one that calls itself (other)',
        given: '(other)=50 (other)=50',
        states: 'OA',
        contributors: { '(other)': 'OA' },
      },
      {
        name: 'takes the instance on which it holds most, not the sum',
        given: 'a=30|a=30 a=30|a=30 a=30|a=30 a=10|a=60 a=10|a=60',
        states: 'OOOOA',
        contributors: { a: 'OOOOA' },
      },
      {
        name: 'knows nothing while nothing sweeps',
        given: 'a=10 . . . . . .',
        states: 'OOOOO??',
        contributors: { a: 'OOOOO--' },
      },
      {
        name: 'does not hear another database',
        given: 'a=10 a=10 a=10',
        beside: inAnotherDatabase(applications, 'a=95'),
        states: 'OOO',
        contributors: { a: 'OOO' },
      },
    ],
    equivalents: {},
  },

  RoleNearLimit: {
    perInstance: false,
    minute: roles,
    scenarios: [
      {
        name: 'goes off for the role that is near its limit, and for no other, and recovers',
        given: `checkout=80&billing=10 checkout=90&billing=10 checkout=90&billing=10 checkout=80&billing=10 checkout=80&billing=10`,
        states: 'OOAAO',
        contributors: { checkout: 'OOAAO', billing: 'OOOOO' },
      },
      {
        name: 'counts two of three though they are apart',
        given: 'checkout=95 checkout=10 checkout=95 checkout=10 checkout=10',
        states: 'OOAOO',
        contributors: { checkout: 'OOAOO' },
      },
      {
        name: 'stays quiet just below',
        given: 'checkout=89 checkout=89 checkout=89 checkout=89',
        states: 'OOOO',
        contributors: { checkout: 'OOOO' },
      },
      {
        name: 'takes a single one for a deployment',
        given: 'checkout=95 checkout=10 checkout=10 checkout=95 checkout=10',
        states: 'OOOOO',
        contributors: { checkout: 'OOOOO' },
      },
      {
        name: 'hears a role that got a limit by itself',
        given: 'a=1 a=1 a=1&b=95 a=1&b=95 a=1&b=95',
        states: 'OOOAA',
        contributors: { a: 'OOOOO', b: '--OAA' },
      },
      {
        name: 'lets go of a role that has no limit any more',
        given: 'a=1&b=95 a=1&b=95 a=1 a=1 a=1 a=1 a=1 a=1',
        states: 'OAAAAOOO',
        contributors: { a: 'OOOOOOOO', b: 'OAAAAO--' },
      },
      {
        name: 'takes the instance and the look that are worst, not the sum',
        given: 'a=50|a=50 a=50+a=50 a=50+a=50 a=10|a=95 a=10+a=95',
        states: 'OOOOA',
        contributors: { a: 'OOOOA' },
      },
      {
        name: 'knows nothing while nothing sweeps',
        given: 'a=10 . . . . . .',
        states: 'OOOOO??',
        contributors: { a: 'OOOOO--' },
      },
      {
        name: 'does not hear another database',
        given: 'a=10 a=10 a=10',
        beside: inAnotherDatabase(roles, 'a=95'),
        states: 'OOO',
        contributors: { a: 'OOO' },
      },
    ],
    equivalents: {},
  },
};
