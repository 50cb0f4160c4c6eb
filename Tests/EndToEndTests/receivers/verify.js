// Verifies deliveries as the Standard Webhooks specification says, with Node.js's own cryptography and nothing of the
// sender's: a receiver's log on standard input, the secret as argument. Prints "ok ID" or what is wrong.
'use strict';

const crypto = require('crypto');
const readline = require('readline');

const TOLERANCE_SECONDS = 5 * 60;
const secret = process.argv[2];

function verify(body, headers) {
  for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature']) {
    if (!headers[name]) throw new Error(`no ${name}`);
  }
  if (!/^\d+$/.test(headers['webhook-timestamp'])) throw new Error('the timestamp is no integer');
  const seconds = Number(headers['webhook-timestamp']);
  if (Math.abs(Date.now() / 1000 - seconds) > TOLERANCE_SECONDS) throw new Error('the timestamp is too far away');
  if (!secret.startsWith('whsec_')) throw new Error('the secret has no prefix');
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  if (key.length < 24 || key.length > 64) throw new Error(`the secret has ${key.length} bytes`);
  const signed = Buffer.concat([
    Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`, 'utf-8'), body]);
  const expected = crypto.createHmac('sha256', key).update(signed).digest();
  for (const entry of headers['webhook-signature'].split(' ')) {
    const comma = entry.indexOf(',');
    if (entry.slice(0, comma) !== 'v1') continue;
    const given = Buffer.from(entry.slice(comma + 1), 'base64');
    if (given.length === expected.length && crypto.timingSafeEqual(given, expected)) return;
  }
  throw new Error('no signature fits');
}

function isTaken(body, headers) {
  try {
    verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const record = JSON.parse(line);
  const headers = {};
  for (let index = 0; index < record.headers.length; index += 2) {
    headers[record.headers[index].toLowerCase()] = record.headers[index + 1];
  }
  const body = Buffer.from(record.body, 'base64');
  const id = headers['webhook-id'];
  try {
    verify(body, headers);
  } catch (error) {
    console.log('failed', id, error.message);
    return;
  }
  const later = { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) + 1) };
  const other = { ...headers, 'webhook-id': `${id}x` };
  if (isTaken(Buffer.concat([body, Buffer.from(' ')]), headers)) console.log('failed', id, 'a changed body is taken');
  else if (isTaken(body, later)) console.log('failed', id, 'a changed timestamp is taken');
  else if (isTaken(body, other)) console.log('failed', id, 'a changed id is taken');
  else console.log('ok', id);
});
