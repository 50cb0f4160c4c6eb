// A receiver as somebody would write one in Node.js, over TLS.
//
//     node https.js CERTIFICATE KEY TLSv1.2|TLSv1.3
'use strict';

const fs = require('fs');
const https = require('https');

const [certificate, key, version] = process.argv.slice(2);
const options = {
  cert: fs.readFileSync(certificate), key: fs.readFileSync(key), minVersion: version, maxVersion: version,
};
const server = https.createServer(options, (request, response) => {
  let bytes = 0;
  request.on('data', (chunk) => (bytes += chunk.length));
  // Without Content-Length, so that Node.js sends chunks.
  request.on('end', () => response.writeHead(200).end(`${bytes} bytes`));
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
