/** Required ahead of an app: the app cannot use the network. */
const dns = require('node:dns');
const { syncBuiltinESMExports } = require('node:module');
const net = require('node:net');

const refuse = () => {
  throw new Error('a synth must not use the network');
};

net.Socket.prototype.connect = refuse;
dns.lookup = refuse;
syncBuiltinESMExports();
