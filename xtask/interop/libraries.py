"""Signs and verifies webhook requests with the libraries of PyPI.

Reads one JSON object from each line, and prints one for each: see `Question` and `Reply` in tests/interop/src/library.rs.
A library that is not installed ends the program, so that its requests cannot be left out.
"""

import base64
import json
import sys
import time
import traceback
from datetime import datetime, timezone
from urllib.parse import parse_qsl

import slack_sdk.signature
import standardwebhooks.webhooks
import stripe
import svix.webhooks
import twilio.request_validator
from cloudevents.core.bindings import http as cloudevents_http
from cloudevents.core.v1.event import CloudEvent
from multidict import MultiDict


class Stripe:
    def sign(self, question, body):
        header = stripe.WebhookSignature.generate_signature_header(body.decode(), question["secret"])
        return {"stripe-signature": header}

    def verify(self, question, body):
        header = question["headers"].get("stripe-signature")
        try:
            stripe.WebhookSignature.verify_header(body, header, question["secret"], tolerance=300)
            return True
        except stripe.SignatureVerificationError:
            return False


class Standard:
    """Standard Webhooks, by its own library or by that of Svix, whose headers have another prefix."""

    def __init__(self, module, prefix):
        self.module, self.prefix = module, prefix

    def sign(self, question, body):
        now = datetime.now(timezone.utc)
        webhook = self.module.Webhook(question["secret"])
        return {
            f"{self.prefix}-id": question["id"],
            f"{self.prefix}-timestamp": str(int(now.timestamp())),
            f"{self.prefix}-signature": webhook.sign(question["id"], now, body.decode()),
        }

    def verify(self, question, body):
        try:
            # `json_parse=False` of the library of Svix is not an argument, so both parse the body.
            self.module.Webhook(question["secret"]).verify(body, question["headers"])
            return True
        except self.module.WebhookVerificationError:
            return False


class Slack:
    def sign(self, question, body):
        timestamp = str(int(time.time()))
        verifier = slack_sdk.signature.SignatureVerifier(question["secret"])
        signature = verifier.generate_signature(timestamp=timestamp, body=body)
        return {"x-slack-request-timestamp": timestamp, "x-slack-signature": signature}

    def verify(self, question, body):
        verifier = slack_sdk.signature.SignatureVerifier(question["secret"])
        return verifier.is_valid_request(body, question["headers"])


class Twilio:
    """The fields of a form are signed; of another body its hash is, in the query of the URL."""

    def sign(self, question, body):
        validator = twilio.request_validator.RequestValidator(question["secret"])
        fields = self.fields(question, body)
        fields = fields if isinstance(fields, MultiDict) else {}
        return {"x-twilio-signature": validator.compute_signature(question["url"], fields)}

    def verify(self, question, body):
        validator = twilio.request_validator.RequestValidator(question["secret"])
        signature = question["headers"].get("x-twilio-signature", "")
        return validator.validate(question["url"], self.fields(question, body), signature)

    def fields(self, question, body):
        if "bodySHA256=" in question["url"]:
            return body.decode()
        return MultiDict(parse_qsl(body.decode(), keep_blank_values=True))


SIGNERS = {
    "stripe": Stripe(),
    "standardwebhooks": Standard(standardwebhooks.webhooks, "webhook"),
    "svix": Standard(svix.webhooks, "svix"),
    "slack_sdk": Slack(),
    "twilio": Twilio(),
}


def cloud_event(question):
    """Returns the headers and the body of an event, whose attributes and data are in the question."""
    attributes = dict(question["attributes"])
    attributes["time"] = datetime.fromisoformat(attributes["time"].replace("Z", "+00:00"))
    data = base64.b64decode(question["body"])
    if attributes["datacontenttype"] == "application/json":
        data = json.loads(data)
    elif attributes["datacontenttype"].startswith("text/"):
        data = data.decode()
    event = CloudEvent(attributes, data)
    modes = {"binary": cloudevents_http.to_binary_event, "structured": cloudevents_http.to_structured_event}
    message = modes[question["mode"]](event)
    return message.headers, message.body


def reply(question):
    if question["ask"] == "event":
        headers, body = cloud_event(question)
        return {"headers": headers, "body": base64.b64encode(body).decode()}
    signer = SIGNERS[question["library"]]
    body = base64.b64decode(question["body"])
    if question["ask"] == "sign":
        return {"headers": signer.sign(question, body)}
    return {"accepted": signer.verify(question, body)}


for line in sys.stdin:
    try:
        answer = reply(json.loads(line))
    except Exception:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer), flush=True)
