import { type FaultKind, type FaultSpec, RefusedError } from '../model.ts';
import type { Order } from '../relay/words.ts';
import { type Counted, linkFault, linkParameter } from './link.ts';
import { amount } from './parameter.ts';
import type { Evidence } from './targets.ts';

/** What was on its way when it began, or is read at once, may exceed the bandwidth by so much. */
const burst = 1.2;
/** Timers are not exact. */
const near = 0.95;

export const slowLink: FaultKind = {
  name: 'slow-link',
  help: 'all bytes of a link come late, or only so many a second (each way); what is on its way comes at once when it has ended',
  endangers: 'control-plane',
  parameters: {
    link: linkParameter,
    latency: { type: 'duration', help: 'added each way', optional: true, least: 1, most: 60_000 },
    bandwidth: {
      type: 'bytes',
      help: 'a second, each way, for all connections together',
      optional: true,
      least: 1_024,
    },
  },
  elsewhere: true,
  make(spec) {
    const order = orderOf(spec);
    return linkFault(spec, order, (counted) => slowLinkEvidence(order, counted));
  },
};

type Slow = Extract<Order, { fault: 'slow-link' }>;

function orderOf(spec: FaultSpec): Slow {
  const [latency, bytesPerSecond] = [amount(spec, 'latency'), amount(spec, 'bandwidth')];
  if (latency === undefined && bytesPerSecond === undefined)
    throw new RefusedError(`fault ${spec.name}: it slows nothing down; expected a latency or a bandwidth`);
  return {
    fault: 'slow-link',
    ...(latency !== undefined && { latency }),
    ...(bytesPerSecond !== undefined && { bytesPerSecond }),
  };
}

/** Real when bytes were held for the latency on average, and the bandwidth was asked for in full and not exceeded. */
export function slowLinkEvidence({ latency, bytesPerSecond }: Slow, { begun, now, seconds }: Counted): Evidence {
  const pieces = now.delayed.pieces - begun.delayed.pieces;
  const held = pieces > 0 ? (now.delayed.seconds - begun.delayed.seconds) / pieces : 0;
  const queued = now.delayed.queued - begun.delayed.queued;
  const most = Math.max(now.bytes.to - begun.bytes.to, now.bytes.from - begun.bytes.from) / seconds;
  const late = latency === undefined || (pieces > 0 && held >= (near * latency) / 1_000);
  const narrow = bytesPerSecond === undefined || (queued > 0 && most <= burst * bytesPerSecond);
  return {
    real: late && narrow,
    detail: `${pieces} pieces were held for ${(held * 1_000).toFixed(1)} ms on average, ${queued} waited noticeably for their turn, ${most.toFixed(0)} bytes/s at most each way`,
  };
}
