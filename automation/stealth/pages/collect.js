// What this place (page, frame or worker) says about the browser. Runs in all of them.
async function collect() {
  const high = ['architecture', 'bitness', 'fullVersionList', 'model', 'platformVersion'];
  const data = navigator.userAgentData;
  const dates = Intl.DateTimeFormat().resolvedOptions();
  return {
    user_agent: navigator.userAgent,
    languages: [...navigator.languages],
    platform: navigator.platform,
    cores: navigator.hardwareConcurrency,
    memory_gb: navigator.deviceMemory ?? null,
    timezone: dates.timeZone,
    utc_offset_min: -new Date().getTimezoneOffset(),
    brands: data ? data.brands.map((b) => `${b.brand} ${b.version}`) : null,
    client_platform: data ? data.platform : null,
    client_details: data ? await data.getHighEntropyValues(high).then(details) : null,
    ...webgl(),
  };
}

function details(values) {
  const versions = (values.fullVersionList || []).map((b) => `${b.brand} ${b.version}`);
  return { ...values, fullVersionList: versions, brands: undefined, mobile: undefined, platform: undefined };
}

function webgl() {
  const gl = new OffscreenCanvas(16, 16).getContext('webgl');
  const info = gl && gl.getExtension('WEBGL_debug_renderer_info');
  return {
    webgl_vendor: info ? gl.getParameter(info.UNMASKED_VENDOR_WEBGL) : null,
    webgl_renderer: info ? gl.getParameter(info.UNMASKED_RENDERER_WEBGL) : null,
  };
}

async function collectInWorker() {
  // The request itself is what matters: the server notes its headers.
  await fetch(`headers?from=${encodeURIComponent(self.parleyPlace)}`, { cache: 'no-store' });
  return collect();
}
