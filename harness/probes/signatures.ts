/** Whose log it is; `systemd` is what the manager says of the kubelet's or containerd's unit. */
export type LogSource = 'kernel' | 'kubelet' | 'containerd' | 'systemd';

export interface Signature {
  readonly name: string;
  readonly pattern: RegExp;
  /** Where it means something; everywhere when absent. */
  readonly from?: readonly LogSource[];
  readonly means: string;
}

const kernel: readonly LogSource[] = ['kernel'];
const kubelet: readonly LogSource[] = ['kubelet'];
const containerd: readonly LogSource[] = ['containerd'];
const systemd: readonly LogSource[] = ['systemd'];

/** Lines that postmortems name, and their kin of today. One line may have several. Sources: scenarios, kubelet 1.36, containerd 2. */
export const signatures: readonly Signature[] = [
  {
    name: 'oom-invoked',
    pattern: /invoked oom-killer/,
    from: kernel,
    means: 'an allocation met a limit that nothing could be reclaimed below',
  },
  {
    name: 'oom-memcg',
    pattern: /oom-kill:constraint=CONSTRAINT_MEMCG/,
    from: kernel,
    means: "a control group's limit chose a victim",
  },
  {
    name: 'oom-killed',
    pattern: /Memory cgroup out of memory: Killed process/,
    from: kernel,
    means: 'killed below a limit',
  },
  {
    name: 'oom-killed-machine',
    pattern: /Out of memory: Killed process/,
    from: kernel,
    means: 'killed because the whole machine had no memory',
  },
  {
    name: 'allocation-stall',
    pattern: /page allocation stall/,
    from: kernel,
    means: 'an allocation waited for seconds (kernels before 4.15)',
  },
  { name: 'allocation-failure', pattern: /page allocation failure/, from: kernel, means: 'an allocation was refused' },
  {
    name: 'hung-task',
    pattern: /blocked for more than \d+ seconds/,
    from: kernel,
    means: 'a task waited for minutes, mostly for a disk',
  },
  { name: 'cpu-stall', pattern: /soft lockup|detected (?:expedited )?stalls/, from: kernel, means: 'a CPU was stuck' },
  {
    name: 'disk-error',
    pattern: /I\/O error, dev|Buffer I\/O error|Remounting filesystem read-only/,
    from: kernel,
    means: 'a disk failed',
  },
  { name: 'conntrack-full', pattern: /nf_conntrack: table full/, from: kernel, means: 'connections are dropped' },

  {
    name: 'no-sandbox',
    pattern: /No (?:ready )?sandbox for pod/,
    from: kubelet,
    means: "a pod's sandbox is gone: it must be made again",
  },
  {
    name: 'container-unknown',
    pattern: /not found in pod's containers/,
    from: kubelet,
    means: 'an event of a container that the kubelet does not know',
  },
  {
    name: 'pleg-unhealthy',
    pattern: /PLEG is not healthy/,
    from: kubelet,
    means: 'containers were not listed for 3 minutes, or not yet at all',
  },
  {
    name: 'runtime-down',
    pattern: /container runtime is down|Container runtime sanity check failed/i,
    from: kubelet,
    means: 'the runtime does not answer',
  },
  {
    name: 'runtime-not-ready',
    pattern: /Container runtime (?:network )?not ready|runtime status check may not have completed/i,
    from: kubelet,
    means: 'the runtime or its network is not ready',
  },
  {
    name: 'runtime-unreachable',
    pattern: /containerd\.sock.*(?:connection refused|no such file|connection error)|rpc error: code = Unavailable/,
    from: kubelet,
    means: 'nobody listens on the socket of the runtime',
  },
  {
    name: 'lease-failed',
    pattern: /[Ff]ailed to (?:update|ensure|get|create) (?:node )?lease|unable to renew lease/,
    from: kubelet,
    means: 'the node could not say that it lives',
  },
  {
    name: 'status-failed',
    pattern: /(?:Error|Unable to) updat(?:ing|e) node status/,
    from: kubelet,
    means: 'the node could not tell its conditions',
  },
  {
    name: 'eviction',
    pattern: /Eviction manager: (?:attempting to reclaim|must evict|pod is evicted)/i,
    from: kubelet,
    means: 'the kubelet evicts because of a signal',
  },
  {
    name: 'image-gc-failed',
    pattern: /Image garbage collection failed|over the high threshold/,
    from: kubelet,
    means: 'the disk of images is full',
  },
  {
    name: 'sandbox-failed',
    pattern: /Failed to create (?:pod )?sandbox|CreatePodSandboxError|RunPodSandbox .*(?:failed|error)/i,
    from: ['kubelet', 'containerd'],
    means: "a pod's sandbox could not be made",
  },
  {
    name: 'network-setup-failed',
    pattern: /failed to setup network for sandbox|cni plugin not initialized|cni config uninitialized/,
    from: ['kubelet', 'containerd'],
    means: 'no pod network',
  },
  { name: 'probe-failed', pattern: /"Probe failed"/, from: kubelet, means: "a container's probe failed" },
  { name: 'crash-loop', pattern: /CrashLoopBackOff/, from: kubelet, means: 'a container ends again and again' },

  {
    name: 'shim-ended',
    pattern: /shim reaped|msg="shim disconnected"/,
    from: containerd,
    means: "a container's shim ended",
  },
  {
    name: 'ipc-unmount',
    pattern: /failed to unmount IPC|failed to (?:recursively )?unmount .*\/shm/i,
    from: containerd,
    means: 'what a dead sandbox left could not be removed',
  },
  {
    name: 'task-oom',
    pattern: /TaskOOM event/,
    from: containerd,
    means: 'the runtime was told of an OOM in a container',
  },

  {
    name: 'unit-oom',
    pattern: /killed by the OOM killer|Failed with result 'oom-kill'/,
    from: systemd,
    means: 'a process of the unit was killed for memory',
  },
  { name: 'unit-died', pattern: /Main process exited/, from: systemd, means: 'the unit ended by itself or was killed' },
  { name: 'unit-restarting', pattern: /Scheduled restart job/, from: systemd, means: 'systemd starts it again' },
  { name: 'unit-stopped', pattern: /^Stopped /, from: systemd, means: 'the unit is stopped' },
  { name: 'unit-started', pattern: /^Started /, from: systemd, means: 'the unit is started' },

  {
    name: 'stopped-posting',
    pattern: /Kubelet stopped posting node status/,
    means: 'the control plane gave the node up',
  },
  { name: 'db-space', pattern: /mvcc: database space exceeded/, means: 'etcd takes no writes' },
  {
    name: 'etcd-heartbeat',
    pattern: /failed to send out heartbeat on time/,
    means: "etcd's leader was late: a slow disk or no CPU",
  },
  { name: 'etcd-slow', pattern: /apply request took too long/, means: 'etcd was slow' },
  { name: 'etcd-timeout', pattern: /etcdserver: request timed out/, means: 'etcd did not answer' },
  { name: 'leader-changed', pattern: /leader changed/, means: 'etcd changed its leader' },
  { name: 'lease-lost', pattern: /leaderelection lost/, means: 'a controller gave up' },
  { name: 'cert-expired', pattern: /x509: certificate has expired/, means: 'a certificate is too old' },
  { name: 'deadline', pattern: /context deadline exceeded/, means: 'somebody waited too long for somebody' },
  { name: 'io-timeout', pattern: /i\/o timeout/, means: 'a connection brought nothing' },
  { name: 'throttled', pattern: /Too many requests/, means: 'the API server refused for its load' },
];

export function signaturesOf(line: string, from: LogSource): readonly Signature[] {
  return signatures.filter((signature) => (signature.from?.includes(from) ?? true) && signature.pattern.test(line));
}
