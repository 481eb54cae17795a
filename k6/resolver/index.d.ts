/**
 * Resolves names as a program in a pod does: with the search list, ndots, A and AAAA together, and so with as many queries
 * as glibc's getaddrinfo(AF_UNSPEC) sends. A k6 that has it is built from this folder; see README.md beside it.
 *
 * Every lookup emits the k6 metrics
 * - `resolver_lookups` (counter);
 * - `resolver_queries` (counter; tags `type`: A or AAAA, `transport`: udp or tcp): questions sent, repeated ones too, and by TCP
 *   those for which no connection was to be had;
 * - `resolver_queries_per_lookup` (trend);
 * - `resolver_failures` (counter; tag `cause`, see {@link Result.cause}): lookups that found no address;
 * - `resolver_timeouts` (counter): queries that nobody answered in time;
 * - `resolver_errors` (counter): queries whose server refused the connection or broke it off;
 * - `resolver_duration` (trend, milliseconds): whole lookups.
 */
declare module 'k6/x/resolver' {
  /** What resolv.conf(5) can say, with its limits. */
  export interface Options {
    /** One to three addresses, with or without port (else 53): `10.96.0.10`, `127.0.0.1:1053`, `[::1]:1053`. No names. */
    readonly servers: readonly string[];
    /** Domains that are tried in turn; none by default. The one of the host's name is not taken instead, as glibc would. */
    readonly search?: readonly string[];
    /** A name with at least as many dots is tried as it is before the search list: 0 to 15, 1 by default, 5 in a pod. */
    readonly ndots?: number;
    /** How long the first server is waited for, `5s` by default, at most `30s`; a number is milliseconds. */
    readonly timeout?: string | number;
    /** How often all servers are asked in turn: 1 to 5, 2 by default. */
    readonly attempts?: number;
    /** Begin with another server at each name. */
    readonly rotate?: boolean;
    /** Ask for AAAA only when A has been answered. */
    readonly singleRequest?: boolean;
    /** The same, each from a socket of its own. */
    readonly singleRequestReopen?: boolean;
    /** TCP instead of UDP. */
    readonly useVc?: boolean;
    /** Offer to take datagrams of 1200 bytes. */
    readonly edns0?: boolean;
    /** Ask for A alone (glibc 2.36). */
    readonly noAaaa?: boolean;
    /** A name without dots is not tried as it is. */
    readonly noTldQuery?: boolean;
    /** Set the AD bit in queries. */
    readonly trustAd?: boolean;
  }

  /** One question that was sent, or by TCP was to be sent, and what became of it. */
  export interface Query {
    /** Absolute, without the dot at its end. */
    readonly name: string;
    readonly type: 'A' | 'AAAA';
    /** Address and port. */
    readonly server: string;
    readonly transport: 'udp' | 'tcp';
    /** `NOERROR`, `NXDOMAIN`, `SERVFAIL`, …; empty when no answer came. */
    readonly rcode: string;
    /** Milliseconds until the answer came or was given up; by TCP from the first try to connect. */
    readonly duration: number;
    readonly timedOut: boolean;
    /** The answer did not fit into a datagram: both questions are asked again by TCP. */
    readonly truncated: boolean;
    /** Why there is no answer, if not for a time-out: `connection refused`, `connection broken` or `abandoned`; else empty. */
    readonly error: string;
  }

  export interface Result {
    /** IPv4 before IPv6; not sorted by reachability, as getaddrinfo sorts them. */
    readonly answers: readonly string[];
    /** Of the answer that decided; empty when none came. */
    readonly rcode: string;
    /** No address was found. */
    readonly failed: boolean;
    /**
     * Why: an rcode, `NODATA` (the name is there, but has no address), `timeout`, `connection refused`,
     * `connection broken`, `REFERRAL`, `garbled` or `invalid name`; empty when it did not fail.
     */
    readonly cause: string;
    /** Milliseconds. */
    readonly duration: number;
    /** In the order in which they were sent. */
    readonly queries: readonly Query[];
  }

  /** One process's resolver. Made in the init context, each virtual user has its own. */
  export class Resolver {
    /**
     * Throws for unknown options, for values beyond the limits, and where only some servers may be asked (beside an embedded cluster
     * those of ORDEAL_SERVERS), for any other server.
     */
    constructor(options: Options);
    /** Reads a resolv.conf(5), such as a pod's own; `options` go before it. Throws for what it cannot read. */
    static fromFile(path: string, options?: Partial<Options>): Resolver;
    static fromText(text: string, options?: Partial<Options>): Resolver;
    /** What is in force. */
    readonly options: Required<Options>;
    /**
     * Resolves a name, and holds the virtual user up meanwhile: for each name that is tried at most about
     * timeout × attempts × servers. What servers say or fail to say is never thrown. Where this machine has no more
     * sockets to give, the test is aborted: what it would measure is itself.
     */
    lookup(name: string, params?: { readonly tags?: { readonly [name: string]: string } }): Result;
  }
}
