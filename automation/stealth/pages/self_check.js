// Asks every place of the browser what it says about itself, and hands all of it to the server.
(async () => {
  const LIMIT_MS = 10000;

  const answerOn = (port) => new Promise((resolve, reject) => {
    port.onmessage = (event) => (event.data.error ? reject(event.data.error) : resolve(event.data.seen));
    port.onerror = (event) => reject(event.message || 'it does not start');
  });

  const places = {
    'page': () => collect(),
    'frame': () => {
      const heard = answerOn(window);
      const frame = document.createElement('iframe');
      frame.src = 'frame.html';
      document.body.append(frame);
      return heard;
    },
    'worker': () => answerOn(new Worker('worker.js')),
    'shared worker': () => {
      const shared = new SharedWorker('worker.js');
      const heard = answerOn(shared.port);
      shared.port.start();
      return heard;
    },
    'service worker': async () => {
      const registration = await navigator.serviceWorker.register('worker.js');
      const { port1, port2 } = new MessageChannel();
      const heard = answerOn(port1);
      (await navigator.serviceWorker.ready, registration.active).postMessage(null, [port2]);
      return heard;
    },
  };

  const inTime = (work) => Promise.race([
    work(),
    new Promise((_, reject) => setTimeout(() => reject('it did not answer'), LIMIT_MS)),
  ]);

  const seen = {};
  const silent = {};
  for (const [place, ask] of Object.entries(places)) {
    try {
      seen[place] = await inTime(ask);
    } catch (error) {
      silent[place] = String(error);
    }
  }
  await fetch('headers?from=page', { cache: 'no-store' });
  const screenSize = [screen.width, screen.height];
  const windowSize = [outerWidth, outerHeight];
  const viewport = [innerWidth, innerHeight];
  const only = { webdriver: navigator.webdriver === true, screen: screenSize, window: windowSize, viewport };
  await fetch('result', { method: 'POST', body: JSON.stringify({ seen, silent, only }) });
  document.getElementById('state').textContent = 'Done.';
})();
