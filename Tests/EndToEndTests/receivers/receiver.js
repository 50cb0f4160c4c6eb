// A receiver of deliveries, checking them as receivers in Node.js do: hex HMAC-SHA256 of the raw body, the whole secret
// being the key. What it answers is in the path; what it got is in the log, one JSON object a line.
//
//     node receiver.js SECRET-FILE LOG-FILE [PORT]
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const http = require('http');

const [secretFile, logFile, port] = process.argv.slice(2);

function isGenuine(rawBody, signature, secret) {
  if (!signature) return false;
  const expected = crypto.createHmac('sha256', secret).update(rawBody, 'utf-8').digest('hex');
  if (signature.length !== expected.length) return false;
  return crypto.timingSafeEqual(Buffer.from(signature), Buffer.from(expected));
}

function secrets() {
  try {
    return fs.readFileSync(secretFile, 'utf-8').trim().split('\n');
  } catch {
    return [''];
  }
}

// With which of the secrets each entry of webhook-signature was made, by their order in the file; -1: with none.
function standardSecrets(rawBody, headers, known) {
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${rawBody}`;
  const expected = known.map((secret) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
    return 'v1,' + crypto.createHmac('sha256', key).update(signed, 'utf-8').digest('base64');
  });
  return (headers['webhook-signature'] || '').split(' ').map((entry) => expected.indexOf(entry));
}

const failures = new Map();
let connections = 0;

function answer(request, response, body, verdict) {
  const [, behaviour, argument] = request.url.split('/');
  switch (behaviour) {
    case 'status':
      response.writeHead(Number(argument)).end('not today');
      return;
    case 'fail': {
      // The first attempts of each event.
      const key = request.url + ' ' + request.headers['webhook-id'];
      const count = (failures.get(key) || 0) + 1;
      failures.set(key, count);
      response.writeHead(count <= Number(argument) ? 500 : 204).end();
      return;
    }
    case 'wish':
      // What stands in a file beside the log, one header field in each line behind the status; without it, all is well.
      try {
        const [status, ...fields] = fs.readFileSync(logFile + '.answer', 'utf-8').trim().split('\n');
        const headers = Object.fromEntries(fields.map((field) => field.split(/: (.*)/s).slice(0, 2)));
        response.writeHead(Number(status), headers).end();
      } catch {
        response.writeHead(204).end();
      }
      return;
    case 'check':
      // As a receiver that checks one of the two headers.
      response.writeHead(verdict[argument] ? 204 : 401).end();
      return;
    case 'delay':
      setTimeout(() => response.writeHead(204).end(), Number(argument));
      return;
    case 'poison':
      // Events whose data says so.
      response.writeHead(body.includes('"poison":true') ? 500 : 204).end();
      return;
    case 'hang':
      return;
    case 'later': {
      // Asks for time at the first attempt of each event.
      const key = request.url + ' ' + request.headers['webhook-id'];
      const isFirst = !failures.has(key);
      failures.set(key, 1);
      if (isFirst) response.writeHead(503, { 'Retry-After': argument }).end();
      else response.writeHead(204).end();
      return;
    }
    case 'reset':
      request.socket.resetAndDestroy();
      return;
    case 'redirect':
      response.writeHead(307, { Location: '/redirected' }).end();
      return;
    case 'endless': {
      response.writeHead(200, { 'Content-Type': 'text/plain' });
      const chunk = 'x'.repeat(4096);
      const timer = setInterval(() => response.write(chunk), 5);
      response.on('close', () => clearInterval(timer));
      return;
    }
    default:
      response.writeHead(204).end();
  }
}

const server = http.createServer((request, response) => {
  const at = Date.now();
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    const rawBody = body.toString('utf-8');
    const known = secrets();
    const bodySecret = known.findIndex((secret) => isGenuine(rawBody, request.headers['x-hiresscope-signature'], secret));
    const standard = standardSecrets(rawBody, request.headers, known);
    const verdict = { body: bodySecret >= 0, standard: standard.some((index) => index >= 0) };
    const record = {
      at,
      connection: request.socket.number,
      method: request.method,
      path: request.url,
      version: request.httpVersion,
      headers: request.rawHeaders,
      body: body.toString('base64'),
      genuine: verdict.body,
      bodySecret,
      standardSecrets: standard,
    };
    fs.appendFileSync(logFile, JSON.stringify(record) + '\n');
    answer(request, response, rawBody, verdict);
  });
});
server.on('connection', (socket) => {
  socket.number = ++connections;
  socket.on('error', () => {});
});
server.keepAliveTimeout = 60000;
server.listen(Number(port || 0), '127.0.0.1', () => console.log(server.address().port));
