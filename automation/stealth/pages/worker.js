// The same script as dedicated, shared and service worker; each answers on the port or client that asked.
importScripts('collect.js');

const answer = (port) => collectInWorker().then(
  (seen) => port.postMessage({ seen }),
  (error) => port.postMessage({ error: String(error) }),
);

if (self.ServiceWorkerGlobalScope) {
  self.parleyPlace = 'service worker';
  self.addEventListener('message', (event) => event.waitUntil(answer(event.ports[0])));
} else if (self.SharedWorkerGlobalScope) {
  self.parleyPlace = 'shared worker';
  self.addEventListener('connect', (event) => answer(event.ports[0]));
} else {
  self.parleyPlace = 'worker';
  answer(self);
}
