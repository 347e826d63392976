/**
 * All I/O: UDP, TCP, QUIC, the clock, interfaces, names and files. It carries bytes for every
 * protocol and knows none.
 * @module
 */
export type { IpFamily, SocketAddress } from "../ip/mod.ts";
export * from "./atomic_file.ts";
export * from "./byte_stream.ts";
export * from "./clock.ts";
export * from "./frame_parser.ts";
export * from "./framed_tcp.ts";
export * from "./host_addresses.ts";
export * from "./incoming_connections.ts";
export * from "./multicast.ts";
export * from "./net_error.ts";
export * from "./pipe.ts";
export * from "./pty.ts";
export * from "./quic_accept.ts";
export { hasQuic, prepareQuic } from "./quic_api.ts";
export * from "./quic_certificate.ts";
export * from "./quic_dial.ts";
export * from "./quic_listener.ts";
export * from "./random.ts";
export * from "./resolve_host.ts";
export { MAX_QUEUED_DATAGRAMS } from "./send_queue.ts";
export * from "./tcp_dial.ts";
export * from "./tcp_listener.ts";
export * from "./udp_socket.ts";
