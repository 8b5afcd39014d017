import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { SessionStore } from "./session_store.ts";

const minute = 60_000;
const withCookie = (setCookie: string) =>
  new Request("https://a.test/", { headers: { cookie: `other=1; ${setCookie.split(";", 1)[0]}` } });

function store(maxSessions = 10_000) {
  const clock = new FakeClock();
  return { clock, sessions: new SessionStore<string>({ name: "mcq", clock, maxSessions }) };
}

Deno.test("SessionStore finds the session of its cookie and no other's", () => {
  const { sessions } = store();
  const { session, setCookie } = sessions.create("alice");
  assert.match(setCookie, /^__Host-mcq=[\w-]{43}\.[\w-]{43}; Path=\/; Max-Age=43200; Secure; HttpOnly; SameSite=Lax$/);
  assert.equal(sessions.find(withCookie(setCookie))?.value, "alice");
  assert.equal(sessions.find(withCookie(setCookie)), session);
  const stranger = new SessionStore<string>({ name: "mcq" }).create("mallory");
  const forged = [
    stranger.setCookie,
    setCookie.replace(/=(.)/, (_, first) => `=${first === "A" ? "B" : "A"}`),
    `__Host-mcq=${session.id}`,
    `__Host-mcq=${session.id}.`,
    `__Host-mcq=.${"A".repeat(43)}`,
    "__Host-mcq=",
    "mcq=x",
  ];
  for (const cookie of forged) assert.equal(sessions.find(withCookie(cookie)), null, cookie);
  assert.equal(sessions.find(new Request("https://a.test/")), null);
});

Deno.test("SessionStore ends a session unused for 30 minutes and any after 12 hours", () => {
  const { clock, sessions } = store();
  const used = sessions.create("used");
  const unused = sessions.create("unused");
  for (let passed = 0; passed < 12 * 60 - 29; passed += 29) {
    clock.advance(29 * minute);
    assert.equal(sessions.find(withCookie(used.setCookie))?.value, "used", `${passed} minutes`);
  }
  assert.equal(sessions.find(withCookie(unused.setCookie)), null);
  clock.advance(29 * minute);
  assert.equal(sessions.find(withCookie(used.setCookie)), null);
  assert.equal(sessions.size, 0);
});

Deno.test("SessionStore lets a session end that nothing but its page's refreshing has used", () => {
  const { clock, sessions } = store();
  const { setCookie } = sessions.create("away");
  for (const want of ["away", undefined]) {
    clock.advance(15 * minute);
    assert.equal(sessions.find(withCookie(setCookie), false)?.value, want);
  }
});

Deno.test("SessionStore at its limit gives up the session that was unused for longest", () => {
  const { sessions } = store(2);
  const [first, second] = [sessions.create("first"), sessions.create("second")];
  sessions.find(withCookie(first.setCookie));
  const third = sessions.create("third");
  assert.equal(sessions.size, 2);
  assert.equal(sessions.find(withCookie(second.setCookie)), null);
  for (const { setCookie, session } of [first, third]) assert.equal(sessions.find(withCookie(setCookie)), session);
});

Deno.test("SessionStore ends sessions at sign-out and by account", () => {
  const { sessions } = store();
  const alice = sessions.create("alice");
  const bob = sessions.create("bob");
  assert.match(sessions.end(withCookie(alice.setCookie)).setCookie, /^__Host-mcq=; Path=\/; Max-Age=0;/);
  assert.equal(sessions.find(withCookie(alice.setCookie)), null);
  sessions.endWhere((name) => name === "bob");
  assert.equal(sessions.find(withCookie(bob.setCookie)), null);
});
