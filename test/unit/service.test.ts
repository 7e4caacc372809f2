import { describe, expect, it } from 'vitest';
import { attributionBy, serviceOf } from '../../lambda/policy/service.js';

describe('the service of a connection', () => {
  it.each([
    ['checkout', 'checkout'],
    ['checkout-7d9f8b-x2k4p', 'checkout-*'],
    ['checkout-api-6bc5f7d9f8-zqxw2', 'checkout-api-*'],
    ['report-28391230-x2k4p', 'report-*'],
    ['node-agent-x2k4p', 'node-agent-*'],
    ['orders-2', 'orders-*'],
    ['api@ip-10-0-3-17', 'api@ip-*'],
    ['worker/3f2b9c1d4e5f', 'worker/*'],
    ['sync 0f8fad5b-d9cb-469f-a165-70867728950e', 'sync *'],
    ['etl[4711]', 'etl[*]'],
    ['puma: cluster worker 3: 12345 [shop]', 'puma: cluster worker *: * [shop]'],
    ['my-api-v2', 'my-api-v2'],
    ['Shop 1.2.3', 'Shop 1.2.3'],
    ['html-nginx-https', 'html-nginx-https'],
    ['feed-deadbeef', 'feed-deadbeef'],
    ['', 'shop (none)'],
    ['  ', 'shop (none)'],
    ['12345', 'shop (*)'],
    ['PostgreSQL JDBC Driver', 'shop (PostgreSQL JDBC Driver)'],
    ['psql', 'shop (psql)'],
  ])('%j is %j', (applicationName, service) => {
    expect(serviceOf({ applicationName, role: 'shop' })).toBe(service);
  });

  it('keeps its name whichever copy is seen, and however often it is folded', () => {
    const names = ['checkout-7d9f8b-x2k4p', 'checkout-7d9f8b-9zqwd', 'checkout-5c6d7f8-b4b4b'];
    expect(new Set(names.map((applicationName) => serviceOf({ applicationName, role: 'shop' })))).toHaveLength(1);
    for (const service of ['checkout-*', 'etl[*]', 'puma: cluster worker *: * [shop]']) {
      expect(serviceOf({ applicationName: service, role: 'shop' })).toBe(service);
    }
  });

  it('has no role before its name while the connection has none', () => {
    expect(serviceOf({ applicationName: '', role: null })).toBe('(none)');
  });

  it('is renamed by the first glob of applicationNames that matches it or the own name', () => {
    const attribute = attributionBy([
      { match: 'pod-a?', name: 'a' },
      { match: 'pod-\\*', name: 'pods' },
      { match: 'shop (none)', name: 'nameless shop' },
      { match: '(none)', name: 'nameless' },
    ]);
    const renamed = (applicationName: string, role = 'shop') => attribute({ applicationName, role });
    expect(['pod-a1', 'pod-17', 'other', ''].map((name) => renamed(name))).toEqual([
      'a',
      'pods',
      'other',
      'nameless shop',
    ]);
    expect(renamed(' ', 'billing')).toBe('nameless');
  });
});
