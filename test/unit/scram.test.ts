import { expect, it } from 'vitest';
import { scramVerifier } from '../../lambda/postgres/scram.js';

// The password and salt of RFC 7677's example, with the verifier that PostgreSQL's own tests expect of them.
it('makes the verifier that PostgreSQL makes', () => {
  expect(scramVerifier('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'))).toBe(
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  );
});

it('salts anew each time', () => {
  expect(scramVerifier('pencil')).not.toBe(scramVerifier('pencil'));
});
