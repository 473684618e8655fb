"""Judges what `lienthong topics export` writes by libraries that know nothing of it.

    referee.py < INPUT.json > OUTPUT.json

INPUT holds JSON Schemas by name, values to judge (the bytes of a record in base64), Avro schemas by name, and an
AsyncAPI document with one of its messages' schemas for each. OUTPUT says of each schema what is wrong with it (null:
nothing), of each value whether it is valid (null: not JSON), and lists what is wrong with the AsyncAPI document.
"""

import base64
import io
import json
import sys
import warnings

import fastavro
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

warnings.simplefilter("ignore")  # asyncapi3's models name a field `schema`
from asyncapi3 import AsyncAPI3  # noqa: E402
from pydantic import ValidationError  # noqa: E402

# A format without a checker would silently pass: rfc3339-validator brings that of date-time.
FORMATS = Draft202012Validator.FORMAT_CHECKER
assert {"date", "date-time"} <= set(FORMATS.checkers), "rfc3339-validator is missing"


def first_wins(pairs):
    """Of members of one name the first counts, as for the decoder."""
    value = {}
    for name, member in pairs:
        value.setdefault(name, member)
    return value


def refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


def parse(text):
    value = json.loads(text, object_pairs_hook=first_wins, parse_constant=refuse_constant)
    return value


def judge_schema(schema):
    try:
        Draft202012Validator.check_schema(schema)
        return None
    except SchemaError as error:
        return f"{error.json_path}: {error.message}"[:500]


def judge_values(validators, values):
    """One verdict a value: valid, invalid, null for what is not JSON, or a text where formats change the verdict."""
    verdicts = []
    for item in values:
        try:
            value = parse(base64.b64decode(item["value"]).decode("utf-8"))
        except (ValueError, RecursionError):
            verdicts.append(None)
            continue
        plain, formats = validators[item["schema"]]
        verdict = plain.is_valid(value)
        # To assert formats can only ask for more.
        asserted = verdict and formats.is_valid(value)
        verdicts.append(verdict if verdict == asserted else f"valid {verdict}, with formats asserted {asserted}")
    return verdicts


def judge_examples(name, schema, found, path="$"):
    """Examples of a schema and of the schemas within it must be valid by it."""
    if isinstance(schema, list):
        for index, item in enumerate(schema):
            judge_examples(name, item, found, f"{path}[{index}]")
    if not isinstance(schema, dict):
        return
    validator = Draft202012Validator(schema, format_checker=FORMATS)
    for example in schema.get("examples", []) if path.endswith("$") or ".properties." in path else []:
        for error in validator.iter_errors(example):
            found.append(f"{name} {path}: an example: {error.json_path}: {error.message}"[:300])
    for key, item in schema.items():
        if key not in ("examples", "enum", "const"):
            judge_examples(name, item, found, f"{path}.{key}")


def judge_avro(schema, record):
    """None where fastavro parses the schema and a record survives being written and read."""
    try:
        parsed = fastavro.parse_schema(schema)
        names = []

        def walk(node):
            if isinstance(node, dict):
                if node.get("type") in ("record", "enum", "fixed"):
                    names.append(node["name"])
                for item in node.values():
                    walk(item)
            elif isinstance(node, list):
                for item in node:
                    walk(item)

        walk(schema)
        if len(names) != len(set(names)):
            return "a name stands twice"
        buffer = io.BytesIO()
        fastavro.schemaless_writer(buffer, parsed, record)
        buffer.seek(0)
        read = fastavro.schemaless_reader(buffer, parsed, parsed)
        return None if set(read) == {field["name"] for field in schema["fields"]} else "fields were lost"
    except Exception as error:  # whatever it is, it is the answer
        return f"{type(error).__name__}: {error}"[:500]


def blank_record(schema):
    """The least record: null where it may be, else a plain value of the type."""

    def value(node):
        if isinstance(node, list):
            return None if "null" in node else value(node[0])
        if isinstance(node, dict):
            kind = node["type"]
            if kind == "record":
                return {field["name"]: value(field["type"]) for field in node["fields"]}
            if kind == "array":
                return [value(node["items"])]
            if kind == "enum":
                return node["symbols"][0]
            node = kind
        return {"string": "", "boolean": False, "int": 0, "long": 0, "bytes": b"\0"}[node]

    return value(schema)


def resolve(document, reference):
    node = document
    for part in reference.removeprefix("#/").split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def references(node, path="#"):
    if isinstance(node, dict):
        for key, item in node.items():
            if key == "$ref":
                yield path, item
            elif key not in ("examples", "enum", "const"):
                yield from references(item, f"{path}/{key}")
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from references(item, f"{path}/{index}")


def judge_asyncapi(document):
    """By the models of asyncapi3, and by hand what they do not look at: references and Kafka's settings."""
    found = []
    try:
        AsyncAPI3.model_validate(document)
    except ValidationError as error:
        found += [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"[:300] for fault in error.errors()[:10]]

    def require(condition, sentence):
        if not condition:
            found.append(sentence)

    allowed = {"asyncapi", "id", "info", "servers", "defaultContentType", "channels", "operations", "components"}
    require(document.get("asyncapi") == "3.0.0", "asyncapi is not 3.0.0")
    require(not set(document) - allowed, f"unknown members {sorted(set(document) - allowed)}")
    require({"title", "version"} <= set(document.get("info", {})), "info wants title and version")
    for path, reference in references(document):
        try:
            resolve(document, reference)
        except (KeyError, TypeError):
            found.append(f"{path}: {reference} leads nowhere")
    if found:
        return found
    for name, server in document["servers"].items():
        require({"host", "protocol"} <= set(server), f"server {name} wants host and protocol")
    for name, channel in document["channels"].items():
        require(channel["address"], f"channel {name} wants an address")
        kafka = channel["bindings"]["kafka"]
        require(kafka["bindingVersion"] == "0.5.0", f"channel {name}: binding version")
        require(kafka["topic"] == channel["address"], f"channel {name}: its topic is not its address")
        require(kafka["partitions"] > 0 and kafka["replicas"] > 0, f"channel {name}: partitions and replicas")
        settings = kafka["topicConfiguration"]
        require(isinstance(settings["retention.ms"], int), f"channel {name}: retention.ms")
        policies = settings["cleanup.policy"]
        require(policies and set(policies) <= {"delete", "compact"}, f"channel {name}: cleanup.policy")
    for name, operation in document["operations"].items():
        require(operation["action"] in ("send", "receive"), f"operation {name}: action")
        channel = operation["channel"]["$ref"]
        require(channel.startswith("#/channels/"), f"operation {name}: its channel is none of the document's")
        for message in operation["messages"]:
            within = message["$ref"].startswith(channel + "/messages/")
            require(within, f"operation {name}: a message of another channel")
    for name, message in document["components"]["messages"].items():
        judge_message(document, name, message, require)
    return found


def judge_message(document, name, message, require):
    """A message's schemas are schemas, and its examples are valid by them."""

    def schema(member):
        node = message[member]
        node = resolve(document, node["$ref"]) if "$ref" in node else node
        return node["schema"] if "schemaFormat" in node else node

    require("name" in message and "contentType" in message, f"message {name} wants name and contentType")
    schemas = {member: schema(member) for member in ("headers", "payload") if member in message}
    schemas["key"] = message["bindings"]["kafka"]["key"]
    for member, node in schemas.items():
        fault = judge_schema(node)
        require(fault is None, f"message {name}: {member}: {fault}")
    for example in message.get("examples", []):
        require(bool({"headers", "payload"} & set(example)), f"message {name}: an example of neither")
        for member in {"headers", "payload"} & set(example):
            is_valid = Draft202012Validator(schemas[member], format_checker=FORMATS).is_valid(example[member])
            require(is_valid, f"message {name}: example {example['name']} is not valid in its {member}")


def main():
    task = json.load(sys.stdin.buffer)
    schemas = task["schemas"]
    faults = {name: judge_schema(schema) for name, schema in schemas.items()}
    validators = {
        name: (Draft202012Validator(schema), Draft202012Validator(schema, format_checker=FORMATS))
        for name, schema in schemas.items()
    }
    examples = []
    for name, schema in schemas.items():
        judge_examples(name, schema, examples)
    json.dump(
        {
            "schemas": faults,
            "examples": examples,
            "verdicts": judge_values(validators, task["values"]),
            "avro": {name: judge_avro(schema, blank_record(schema)) for name, schema in task["avro"].items()},
            "asyncapi": judge_asyncapi(task["asyncapi"]) if task["asyncapi"] else [],
        },
        sys.stdout,
    )


main()
