// Shows what is pushed and opens the alert. The payload is a Declarative Web Push message: a browser that knows these
// never wakes this worker.

const HOME = new URL("./", self.location).pathname;

function read(data) {
  try {
    const { notification } = data.json();
    if (typeof notification.title === "string") return notification;
  } catch {
    // what cannot be read must not go unseen
  }
  return { title: "防災情報 / Alert", navigate: HOME, requireInteraction: true };
}

// Only the path counts: a click never leads to another site, whatever was pushed.
function pathOf(navigate) {
  try {
    const url = new URL(navigate, self.location);
    return url.pathname + url.search;
  } catch {
    return HOME;
  }
}

async function show(data) {
  const { title, navigate, ...options } = read(data);
  const path = pathOf(navigate);
  if (options.silent) delete options.vibrate;
  await self.registration.showNotification(title, { ...options, data: { path } });
  const pages = await self.clients.matchAll({ type: "window" });
  for (const page of pages) page.postMessage({ title, body: options.body ?? "", path });
}

async function open(path) {
  const pages = await self.clients.matchAll({ type: "window" });
  const there = pages.find((page) => pathOf(page.url) === path);
  await (there ? there.focus() : self.clients.openWindow(path));
}

// The browser has given up its subscription: nothing more arrives until somebody looks after it.
async function lost() {
  await self.registration.showNotification("通知の登録が切れました / Notifications have stopped", {
    body: "開いて登録し直してください。 / Open to subscribe again.",
    tag: "lost",
    requireInteraction: true,
    data: { path: `${HOME}notify` },
  });
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("push", (event) => event.waitUntil(show(event.data)));
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(lost()));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.path ?? HOME));
});
