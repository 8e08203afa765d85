"use strict";
// Shows openapi.json as a page; nothing else is fetched.

function make(tag, text, ...children) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  element.append(...children);
  return element;
}

function typeOf(schema) {
  if (!schema) return document.createTextNode("");
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    const link = make("a", name);
    link.href = `#${name}`;
    return link;
  }
  const span = document.createElement("span");
  if (schema.anyOf) {
    schema.anyOf.forEach((part, index) => span.append(...(index ? [" or "] : []), typeOf(part)));
  } else if (schema.type === "array") span.append("list of ", typeOf(schema.items));
  else span.append(schema.format === "binary" ? "bytes" : schema.type || "any");
  return span;
}

function table(head, rows) {
  if (rows.every((cells) => cells.at(-1) === "")) {
    head = head.slice(0, -1);
    rows = rows.map((cells) => cells.slice(0, -1));
  }
  const body = make("tbody", "");
  for (const cells of rows) body.append(make("tr", "", ...cells.map((cell) => make("td", "", cell))));
  const header = make("thead", "", make("tr", "", ...head.map((text) => make("th", text))));
  const box = make("div", "", make("table", "", header, body));
  box.className = "scroll";
  return box;
}

function operation(path, method, about) {
  const card = make("section", "");
  card.className = "card";
  card.append(make("h3", "", make("code", `${method.toUpperCase()} ${path}`)), make("p", about.summary));
  if (about.requestBody) {
    const kinds = Object.keys(about.requestBody.content).join(", ");
    card.append(make("p", `${about.requestBody.description} ${kinds}`));
  }
  if (about.parameters) {
    card.append(table(["Query", "Type", "Meaning"], about.parameters.map((parameter) => [
      make("code", parameter.name), typeOf(parameter.schema), parameter.description || "",
    ])));
  }
  card.append(table(["Status", "Answer", "Type"], Object.entries(about.responses).map(([status, found]) => {
    const [kind, content] = Object.entries(found.content || {})[0] || ["", {}];
    const type = content.schema && Object.keys(content.schema).length ? typeOf(content.schema) : kind;
    return [status, found.description.replace("Successful Response", "The answer."), type];
  })));
  return card;
}

function schemaCard(name, schema) {
  const card = make("section", "", make("h3", name), make("p", schema.description));
  card.className = "card";
  card.id = name;
  card.append(table(["Field", "Type", "Meaning"], Object.entries(schema.properties || {}).map(
    ([field, about]) => [make("code", field), typeOf(about), about.description || ""],
  )));
  return card;
}

async function start() {
  document.getElementById("curl").textContent = `curl -F file=@track.flac ${location.origin}/api/v1/score`;
  const api = await (await fetch("/api/openapi.json")).json();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, about] of Object.entries(methods)) {
      document.getElementById("paths").append(operation(path, method, about));
    }
  }
  const hidden = new Set(["HTTPValidationError", "ValidationError"]);
  for (const [name, schema] of Object.entries(api.components.schemas)) {
    if (!hidden.has(name)) document.getElementById("types").append(schemaCard(name, schema));
  }
}

start();
