/** Bodies from anybody: refused with a word for the client, or planned into a network that is whole. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { overlap, parseCidr } from "../../kernel/netlink/ipv4.ts";
import { parseCidr6 } from "../../kernel/netlink/ipv6.ts";
import { codeOf } from "../../lib/errors.ts";
import { parseCreateRequest } from "./create-request.ts";
import { parseEndpointSettings } from "./endpoint-settings.ts";
import { planNetwork } from "./plan.ts";
import { subnetOf } from "./record.ts";

const EXPECTED = ["invalid_argument", "permission_denied", "not_found", "unimplemented", "conflict"];
const context = {
  ...{ id: "f".repeat(64), created: "2026-01-01T00:00:00Z", mtu: 1500, pools: [], networks: [] },
  taken: () => [parseCidr("172.17.0.1/16")],
  taken6: () => [],
  base6: parseCidr6("fd12:3456:789a::/48"),
};

const text = fc.oneof(
  fc.string(),
  fc.constantFrom("10.1.0.0/16", "10.1.2.0/24", "10.1.0.1", "10.0.0.0/33", "::1/64", "", "bridge", "1500"),
);
const config = fc.record(
  {
    Subnet: text,
    IPRange: text,
    Gateway: text,
    AuxiliaryAddresses: fc.dictionary(text, text, { maxKeys: 2 }),
  },
  { requiredKeys: [] },
);
const options = fc.dictionary(
  fc.constantFrom(
    ...["name", "enable_icc", "enable_ip_masquerade", "host_binding_ipv4", "gateway_mode_ipv4"].map(
      (one) => `com.docker.network.bridge.${one}`,
    ),
    "com.docker.network.driver.mtu",
  ),
  fc.oneof(text, fc.constantFrom("true", "false", "0.0.0.0", "nat", "isolated")),
);
const body = fc.record(
  {
    Name: fc.oneof(text, fc.anything()),
    Driver: fc.oneof(fc.constant("bridge"), text),
    EnableIPv6: fc.boolean(),
    Internal: fc.oneof(fc.boolean(), fc.anything()),
    IPAM: fc.oneof(fc.record({ Config: fc.array(config, { maxLength: 2 }) }), fc.anything()),
    Options: fc.oneof(options, fc.anything()),
    Labels: fc.anything(),
  },
  { requiredKeys: [] },
);

test("create bodies", () => {
  fc.assert(
    fc.property(body, (value) => {
      try {
        const { resource, bridge } = planNetwork(
          parseCreateRequest(value as Record<string, unknown>),
          context,
        );
        expect(typeof resource.Name).toBe("string");
        const gateway = parseCidr(`${bridge!.gateway}/32`);
        expect(overlap(gateway, subnetOf(bridge!))).toBe(true);
        expect(bridge!.name.length).toBeLessThanOrEqual(15);
      } catch (error) {
        expect(EXPECTED).toContain(codeOf(error));
      }
    }),
    { numRuns: 3000 },
  );
});

test("endpoint settings keep what they must be, or are refused", () => {
  expect(
    parseEndpointSettings({
      Aliases: ["a"],
      MacAddress: null,
      IPAMConfig: { IPv4Address: "10.0.0.1" },
      Bad: 1,
    }),
  ).toEqual({ Aliases: ["a"], IPAMConfig: { IPv4Address: "10.0.0.1" } });
  fc.assert(
    fc.property(fc.anything(), (value) => {
      try {
        expect(typeof parseEndpointSettings({ Aliases: value })).toBe("object");
      } catch (error) {
        expect(codeOf(error)).toBe("invalid_argument");
      }
    }),
  );
});
