// The home page: the rooms that are live, kept up to date.

import { ask } from "./api.js";
import { Backoff } from "./logic/backoff.js";
import { texts } from "./logic/texts.js";
import { liveSince, roomTitle } from "./logic/words.js";

const AGAIN = 5000;

const element = (id) => document.getElementById(id);
const list = element("rooms");
const cards = new Map(); // room name -> its list item: kept, so that the focus is not lost
const backoff = new Backoff(1000, 10_000);
let timer = 0;

async function refresh() {
  clearTimeout(timer);
  let pause = AGAIN;
  try {
    const { rooms } = await ask("/rooms");
    backoff.reset();
    show(rooms.filter((room) => room.broadcast !== null));
    say("");
  } catch {
    say(texts.homeUnreachable);
    pause = backoff.next();
  }
  if (!document.hidden) timer = setTimeout(refresh, pause);
}

function show(rooms) {
  const names = new Set(rooms.map((room) => room.name));
  for (const [name, card] of cards) {
    if (names.has(name)) continue;
    card.remove();
    cards.delete(name);
  }
  for (const room of rooms.sort((a, b) => b.viewers - a.viewers || a.name.localeCompare(b.name))) {
    let card = cards.get(room.name);
    if (!card) cards.set(room.name, (card = newCard(room)));
    fill(card, room);
  }
  arrange(rooms);
  list.hidden = rooms.length === 0;
  element("empty").hidden = rooms.length > 0;
  const spoken = rooms.length > 0 ? texts.liveRooms(rooms.length) : "";
  if (element("spoken").textContent !== spoken) element("spoken").textContent = spoken;
}

/** Put the cards into the rooms' order, moving only those that are not in their place. */
function arrange(rooms) {
  rooms.forEach((room, index) => {
    const card = cards.get(room.name);
    if (list.children[index] !== card) list.insertBefore(card, list.children[index] ?? null);
  });
}

function newCard(room) {
  const card = document.createElement("li");
  const link = card.appendChild(document.createElement("a"));
  link.className = "card";
  link.href = `/r/${encodeURIComponent(room.name)}`;
  const screen = link.appendChild(document.createElement("span"));
  screen.className = "screen";
  screen.setAttribute("aria-hidden", "true");
  const badge = screen.appendChild(document.createElement("span"));
  badge.className = "badge";
  badge.textContent = texts.badges.live;
  for (const name of ["card-title", "card-facts"]) link.appendChild(document.createElement("span")).className = name;
  return card;
}

function fill(card, room) {
  const title = roomTitle(room);
  const words = [texts.watching(room.viewers)];
  if (room.live_since !== null) words.push(liveSince(room.live_since, Date.now() / 1000));
  card.querySelector(".screen").dataset.letter = [...title][0]?.toUpperCase() ?? "";
  card.querySelector(".card-title").textContent = title;
  card.querySelector(".card-facts").textContent = words.join(" · ");
}

function say(text) {
  element("note").textContent = text;
  element("note").hidden = text === "";
}

document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));
addEventListener("online", refresh);
addEventListener("pageshow", (event) => event.persisted && refresh());
refresh();
