// Sends a recording to be scored, and tells how far that is.

export class Refused extends Error {}

const AWAY = "The server does not answer; is musqa serve still running?";

// `said` takes texts and, while it is sent, a part from 0 to 1; rejects with Refused or AbortError.
export function scoreOf(file, said, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let sent = false;
    const began = performance.now();
    const timer = setInterval(() => {
      if (sent) said(`Listening to ${file.name}: ${((performance.now() - began) / 1000).toFixed(0)} s`);
    }, 500);
    said(`Sending ${file.name}`, 0);
    request.upload.onprogress = (event) => said(`Sending ${file.name}`, event.loaded / event.total);
    request.upload.onload = () => { sent = true; said(`Listening to ${file.name}`); };
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    request.onloadend = () => {
      clearInterval(timer);
      let body = null;
      try { body = JSON.parse(request.responseText); } catch { /* not an answer of ours; said below */ }
      if (request.status === 200 && body) resolve(body);
      else reject(new Refused(body && body.error ? `${file.name}: ${body.error.message}.` : AWAY));
    };
    signal.addEventListener("abort", () => request.abort());
    request.open("POST", "api/v1/score");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.send(file);
  });
}

export function reasonOf(error, file) {
  if (error instanceof Refused) return error.message;
  return error.name === "RefusedError" ? `${file.name}: ${error.message}.` : AWAY;
}
