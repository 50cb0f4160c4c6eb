// Producer and receivers in one, so that one clock measures: sends events at a steady rate and takes them at /ok/N;
// /hang/N never answers, which is for another process of this: what a thousand connections that hang cost their receiver
// is not the relay's. Prints its port; a line "go EVENTS-SOCKET TENANT RATE SECONDS HEALTHY" on standard input makes it
// send, and when all are there, or too late, prints what it has measured as JSON, in milliseconds; "hanging" makes it print
// the most connections that hung at once since the last time.
//
//     node load.js
'use strict';

const http = require('http');
const net = require('net');
const readline = require('readline');

const sent = new Map();
let latencies = [];
let hanging = 0;
let hangingMost = 0;
let lastArrival = 0;

const server = http.createServer((request, response) => {
  const arrival = performance.now();
  request.resume();
  if (request.url.startsWith('/hang')) {
    hanging += 1;
    hangingMost = Math.max(hangingMost, hanging);
    request.socket.once('close', () => { hanging -= 1; });
    return;
  }
  const at = sent.get(request.headers['webhook-id']);
  if (at !== undefined) {
    latencies.push(arrival - at);
    lastArrival = arrival;
  }
  response.writeHead(204).end();
});
server.on('connection', (socket) => socket.on('error', () => {}));
server.keepAliveTimeout = 120000;
server.listen(0, '127.0.0.1', 8192, () => console.log(server.address().port));

function quantile(sorted, part) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

let run = 0;

function go(path, tenant, rate, seconds, healthy) {
  run += 1;
  sent.clear();
  latencies = [];
  const producer = net.connect(path);
  producer.resume();
  const begun = performance.now();
  const total = rate * seconds;
  let next = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    while (next < total && begun + (next * 1000) / rate <= now) {
      const id = `r${run}-${next}`;
      sent.set(id, performance.now());
      producer.write(`{"event":"job.created","tenantId":"${tenant}","id":"${id}","data":{"n":${next}}}\n`);
      next += 1;
    }
    const isDone = next === total && latencies.length >= total * healthy;
    if (isDone || now - begun > (seconds + 30) * 1000) {
      clearInterval(timer);
      producer.end();
      latencies.sort((a, b) => a - b);
      console.log(JSON.stringify({
        expected: total * healthy,
        delivered: latencies.length,
        p50: quantile(latencies, 0.5),
        p99: quantile(latencies, 0.99),
        max: latencies[latencies.length - 1],
        perSecond: (latencies.length * 1000) / (lastArrival - begun),
      }));
    }
  }, 1);
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const [word, path, tenant, rate, seconds, healthy] = line.split(' ');
  if (word === 'hanging') {
    console.log(hangingMost);
    hangingMost = hanging;
  }
  if (word === 'go') go(path, tenant, Number(rate), Number(seconds), Number(healthy));
});
