import assert from "node:assert/strict";
import fc from "fast-check";
import { hexToBytes } from "@noble/hashes/utils.js";
import {
  decodeHttpResponse,
  decodeNatPmpResponse,
  decodePcpResponse,
  decodeSearchResponse,
  decodeSoapResponse,
  encodeNatPmpExternalAddressRequest,
  encodeNatPmpMapRequest,
  encodePcpAnnounceRequest,
  encodePcpMapRequest,
  encodeSearchRequest,
  encodeSoapCall,
  Epoch,
  MAX_HTTP_HEAD_BYTES,
  MAX_HTTP_RESPONSE_BYTES,
  parseDescription,
  parseXml,
  PortmapDecodeError,
  soapAction,
  urlOnHost,
} from "../../lib/portmap/mod.ts";
import { description, text } from "./simulated_router.ts";

/** Checks that a decoder throws its one error, with that code. */
function refuses(decode: () => unknown, code: string): void {
  assert.throws(decode, (error) => error instanceof PortmapDecodeError && error.code === code);
}

Deno.test("NAT-PMP requests, byte for byte (RFC 6886 §3.2, §3.3)", () => {
  assert.deepEqual(encodeNatPmpExternalAddressRequest(), hexToBytes("0000"));
  const request = {
    transport: "tcp",
    internalPort: 80,
    externalPort: 8080,
    lifetimeS: 7200,
  } as const;
  assert.deepEqual(encodeNatPmpMapRequest(request), hexToBytes("0002000000501f9000001c20"));
});

Deno.test("NAT-PMP responses", () => {
  assert.deepEqual(decodeNatPmpResponse(hexToBytes("0080000000000010cb007107")), {
    kind: "external-address",
    result: 0,
    epochS: 16,
    ip: "203.0.113.7",
  });
  assert.deepEqual(
    decodeNatPmpResponse(hexToBytes("0081000000000010107e107e00001c20")),
    {
      kind: "map",
      transport: "udp",
      result: 0,
      epochS: 16,
      mapping: { internalPort: 4222, externalPort: 4222, lifetimeS: 7200 },
    },
  );
  assert.deepEqual(decodeNatPmpResponse(hexToBytes("0082000400000010")), {
    kind: "map",
    transport: "tcp",
    result: 4,
    epochS: 16,
  });
  refuses(() => decodeNatPmpResponse(hexToBytes("0080")), "truncated");
  refuses(() => decodeNatPmpResponse(hexToBytes("0080000000000010")), "truncated");
  refuses(() => decodeNatPmpResponse(hexToBytes("0000000000000010cb007107")), "not-this-protocol");
});

Deno.test("PCP requests, byte for byte (RFC 6887 §7.1, §11.1)", () => {
  assert.deepEqual(
    encodePcpAnnounceRequest("192.168.77.2"),
    hexToBytes("020000000000000000000000000000000000ffffc0a84d02"),
  );
  const nonce = hexToBytes("000102030405060708090a0b");
  const request = {
    client: "192.168.77.2",
    transport: "udp",
    internalPort: 4222,
    lifetimeS: 7200,
    nonce,
  } as const;
  assert.deepEqual(
    encodePcpMapRequest({ ...request, suggested: { port: 4222 } }),
    hexToBytes(
      "0201000000001c2000000000000000000000ffffc0a84d02" +
        "000102030405060708090a0b11000000107e107e00000000000000000000ffff00000000",
    ),
  );
  const six = encodePcpMapRequest({
    ...request,
    client: "2001:db8::2",
    transport: "tcp",
    suggested: { port: 0 },
  });
  assert.deepEqual(six.subarray(44), new Uint8Array(16));
  assert.equal(six[36], 6);
});

Deno.test("PCP responses; the first as miniupnpd 2.3.1 sent it", () => {
  assert.deepEqual(
    decodePcpResponse(hexToBytes("02800000000000000000011e000000000000000000000000")),
    {
      kind: "announce",
      version: 2,
      result: 0,
      lifetimeS: 0,
      epochS: 286,
    },
  );
  const map = "0281000000001c2000000001000000000000000000000000" +
    "000102030405060708090a0b11000000107e9c4100000000000000000000ffffcb007107";
  const { kind, mapping } = decodePcpResponse(hexToBytes(map));
  assert.equal(kind, "map");
  assert.deepEqual(mapping?.external, { ip: "203.0.113.7", port: 40001 });
  assert.equal(mapping?.transport, "udp");
  assert.equal(decodePcpResponse(hexToBytes("0180000100000000".padEnd(48, "0"))).version, 1);
  refuses(
    () => decodePcpResponse(hexToBytes("0380000000000000".padEnd(48, "0"))),
    "not-this-protocol",
  );
  refuses(
    () => decodePcpResponse(hexToBytes("0200000000000000".padEnd(48, "0"))),
    "not-this-protocol",
  );
  refuses(() => decodePcpResponse(hexToBytes(map.slice(0, 100))), "bad-field");
  refuses(() => decodePcpResponse(hexToBytes(map.slice(0, 96))), "truncated");
  refuses(() => decodePcpResponse(hexToBytes("0280").slice(0, 2)), "truncated");
  const long = new Uint8Array(1104);
  long.set([2, 128]);
  refuses(() => decodePcpResponse(long), "bad-field");
});

Deno.test("SSDP: request and response", () => {
  assert.equal(
    new TextDecoder().decode(encodeSearchRequest("upnp:rootdevice", "239.255.255.250")),
    'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: upnp:rootdevice\r\n\r\n',
  );
  refuses(() => decodeSearchResponse(text("NOTIFY * HTTP/1.1\r\n\r\n")), "not-this-protocol");
  refuses(
    () => decodeSearchResponse(text("HTTP/1.1 404 x\r\nST: a\r\nLOCATION: b\r\n\r\n")),
    "not-this-protocol",
  );
  refuses(() => decodeSearchResponse(text("HTTP/1.1 200 OK\r\nST: a\r\n\r\n")), "bad-field");
  refuses(
    () =>
      decodeSearchResponse(
        text(`HTTP/1.1 200 OK\r\nST: a\r\nLOCATION: ${"b".repeat(600)}\r\n\r\n`),
      ),
    "bad-field",
  );
  refuses(() => decodeSearchResponse(new Uint8Array(5000)), "too-large");
});

Deno.test("XML: what UPnP documents have", () => {
  const root = parseXml(
    '\uFEFF<?xml version="1.0"?><!-- a < b --><r:root xmlns:r="u" a="1>0" b=\'"\'>\n' +
      "<x/><y z='1'/><t>  1 &lt; 2 &amp; &#65;&#x42; Tom & Anna &unknown; <![CDATA[<raw>]]></t><t/></r:root>\n",
  );
  assert.deepEqual(root.children.map(({ name }) => name), ["x", "y", "t", "t"]);
  assert.equal(root.name, "root");
  assert.equal(root.children[2]!.text, "1 < 2 & AB Tom & Anna &unknown; <raw>");
});

Deno.test("XML: what is refused", () => {
  refuses(() => parseXml('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), "bad-xml");
  refuses(() => parseXml("<!ENTITY b SYSTEM 'file:///etc/passwd'><a/>"), "bad-xml");
  for (
    const text of [
      "",
      "a",
      "<a>",
      "</a>",
      "<a></b>",
      "<a/><b/>",
      "<a",
      "<a b='",
      "<!--",
      "<1/>",
      "<a/>x",
    ]
  ) {
    refuses(() => parseXml(text), "bad-xml");
  }
  refuses(() => parseXml("<a>".repeat(40) + "</a>".repeat(40)), "too-large");
  refuses(() => parseXml(`<a>${"<b/>".repeat(3000)}</a>`), "too-large");
  refuses(() => parseXml(`<a>${" ".repeat(70_000)}</a>`), "too-large");
});

Deno.test("descriptions: the best service, on the router alone", () => {
  const location = "http://192.168.1.1:5000/root.xml";
  for (const version of [1, 2]) {
    assert.deepEqual(parseDescription(description(version), location, "192.168.1.1"), [{
      type: `urn:schemas-upnp-org:service:WANIPConnection:${version}`,
      controlUrl: "http://192.168.1.1:5000/ctl",
    }]);
  }
  const at = (url: string) =>
    parseDescription(description(1, url), location, "192.168.1.1")[0]?.controlUrl;
  assert.equal(at("http://192.168.1.1:80/x"), "http://192.168.1.1/x");
  assert.equal(at("http://192.168.1.2/x"), undefined);
  assert.equal(at("//evil.example/x"), undefined);
  const based = (base: string) =>
    description(1, "ctl").replace("<device>", `<URLBase>${base}</URLBase><device>`);
  const from = (base: string) =>
    parseDescription(based(base), location, "192.168.1.1")[0]?.controlUrl;
  assert.equal(from("http://192.168.1.1:49000/a/"), "http://192.168.1.1:49000/a/ctl");
  assert.equal(
    from("http://192.168.1.66/"),
    "http://192.168.1.1:5000/ctl",
    "another host's base is ignored",
  );
  assert.equal(
    urlOnHost("http://3232235777:5000/", undefined, "192.168.1.1"),
    "http://192.168.1.1:5000/",
  );
});

Deno.test("SOAP: calls and answers", () => {
  const call = {
    action: "DeletePortMapping",
    serviceType: "urn:x:1",
    arguments: [["NewProtocol", "U<DP"]],
  } as const;
  assert.match(
    encodeSoapCall(call),
    /<u:DeletePortMapping xmlns:u="urn:x:1"><NewProtocol>U&lt;DP<\/NewProtocol><\/u:DeletePortMapping>/,
  );
  assert.equal(soapAction(call), '"urn:x:1#DeletePortMapping"');
  assert.equal(parseXml(encodeSoapCall(call)).name, "Envelope");
  assert.deepEqual(decodeSoapResponse("<e><b><m:XResponse><A>1</A></m:XResponse></b></e>", "X"), {
    kind: "result",
    values: new Map([["A", "1"]]),
  });
  assert.deepEqual(decodeSoapResponse("<e><YResponse/></e>", "X"), {
    kind: "fault",
    code: 0,
    description: "no such response",
  });
});

Deno.test("HTTP: bodies by length, in chunks, until the end, in any pieces", () => {
  const answers: [string, boolean][] = [
    ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false],
    ["HTTP/1.0 200 OK\n\nhello", true],
    ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200\r\ncontent-length: 5\r\n\r\nhello", false],
    [
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
      false,
    ],
  ];
  for (const [answer, needsEnd] of answers) {
    const bytes = text(answer);
    assert.deepEqual(decodeHttpResponse(bytes, needsEnd), { status: 200, body: "hello" });
    for (let length = 0; length < bytes.length; length++) {
      const early = decodeHttpResponse(bytes.subarray(0, length), false);
      if (early !== undefined) assert.equal(early.body, "hello");
      else if (!needsEnd) {
        refuses(() => decodeHttpResponse(bytes.subarray(0, length), true), "truncated");
      }
    }
  }
});

Deno.test("HTTP: what is refused", () => {
  refuses(() => decodeHttpResponse(text("SSH-2.0-x\r\n"), false), "not-this-protocol");
  refuses(() => decodeHttpResponse(text("HTTP/1.1 abc\r\n\r\n"), false), "bad-field");
  refuses(
    () => decodeHttpResponse(text("HTTP/1.1 200 x\r\nContent-Length: -1\r\n\r\n"), false),
    "bad-field",
  );
  refuses(
    () => decodeHttpResponse(text("HTTP/1.1 200 x\r\nContent-Length: 999999\r\n\r\n"), false),
    "too-large",
  );
  refuses(
    () => decodeHttpResponse(new Uint8Array(MAX_HTTP_RESPONSE_BYTES + 1), false),
    "too-large",
  );
  const head = text("HTTP/1.1 200 OK\r\n" + "x: y\r\n".repeat(MAX_HTTP_HEAD_BYTES / 6));
  refuses(() => decodeHttpResponse(head, false), "too-large");
  const interim = "HTTP/1.1 100 Continue\r\n\r\n";
  assert.equal(decodeHttpResponse(text(interim.repeat(8)), false), undefined);
  refuses(() => decodeHttpResponse(text(interim.repeat(9)), false), "too-large");
  const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  refuses(() => decodeHttpResponse(text(`${chunked}zz\r\n`), false), "bad-field");
  refuses(() => decodeHttpResponse(text(`${chunked}2\r\nhello`), false), "bad-field");
  refuses(() => decodeHttpResponse(text(chunked + "1".repeat(300)), false), "bad-field");
});

Deno.test("decoders throw nothing but their own error", () => {
  const own = (decode: () => unknown) => {
    try {
      decode();
    } catch (error) {
      assert.ok(error instanceof PortmapDecodeError, String(error));
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    for (const first of [0, 2]) {
      bytes.set([first, 128 | (bytes[1] ?? 0) & 3].slice(0, bytes.length));
      own(() => decodeNatPmpResponse(bytes));
      own(() => decodePcpResponse(bytes));
    }
    own(() => decodeSearchResponse(bytes));
    own(() => decodeHttpResponse(bytes, true));
  }));
  const pieces = fc.constantFrom(
    "<a>",
    "</a>",
    "<a/>",
    "<",
    ">",
    "&",
    "&lt;",
    "&#x110000;",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?",
    "'",
    '"',
    " ",
    "x",
  );
  fc.assert(fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
    own(() => parseXml(parts.join("")));
    own(() => decodeSoapResponse(parts.join(""), "a"));
    own(() => parseDescription(parts.join(""), "http://192.0.2.1/", "192.0.2.1"));
    own(() => decodeHttpResponse(text("HTTP/1.1 200 OK\r\n" + parts.join("\r\n")), true));
  }));
});

Deno.test("epochs: time that goes on, drifts, jumps and goes back", () => {
  const pcp = new Epoch();
  assert.equal(pcp.observePcp(100, 0), false);
  assert.equal(pcp.observePcp(160, 60_000), false);
  assert.equal(pcp.observePcp(160 + 57, 120_000), false, "a sixteenth slow");
  assert.equal(pcp.observePcp(216, 120_000), false, "one second back is a late packet");
  assert.equal(pcp.observePcp(3, 180_000), true, "restarted");
  assert.equal(pcp.observePcp(1000, 190_000), true, "ahead of our time");
  const natPmp = new Epoch();
  assert.equal(natPmp.observeNatPmp(100, 0), false);
  assert.equal(natPmp.observeNatPmp(186, 100_000), false, "7/8 of our time, less two seconds");
  assert.equal(natPmp.observeNatPmp(270, 200_000), true);
  assert.equal(natPmp.observeNatPmp(9999, 210_000), false, "only going back counts");
});
