import type { FaultKind } from '../model.ts';
import { blackHole } from './black-hole.ts';
import { drainNodes } from './drain-nodes.ts';
import { endComponent } from './end-component.ts';
import { fillNodeDisk } from './fill-node-disk.ts';
import { freezeNode } from './freeze-node.ts';
import { killUnit } from './kill-unit.ts';
import { limitNodeMemory } from './limit-node-memory.ts';
import { memoryHog } from './memory-hog.ts';
import { pauseComponent } from './pause-component.ts';
import { pauseUnit } from './pause-unit.ts';
import { powerOffNode } from './power-off-node.ts';
import { reloadServer } from './reload-server.ts';
import { resetConnections } from './reset-connections.ts';
import { silenceNodes } from './silence-nodes.ts';
import { slowLink } from './slow-link.ts';
import { stopUnit } from './stop-unit.ts';
import { throttleNodeIo } from './throttle-node-io.ts';

/** Every fault, by the name that a scenario calls it. Importing this costs nothing: the linter of scenarios does. */
export const faults: ReadonlyMap<string, FaultKind> = new Map(
  [
    stopUnit('stop-kubelet', 'kubelet'),
    pauseUnit('pause-kubelet', 'kubelet'),
    killUnit('kill-kubelet', 'kubelet'),
    stopUnit('stop-runtime', 'containerd'),
    killUnit('kill-runtime', 'containerd'),
    powerOffNode,
    freezeNode,
    limitNodeMemory,
    memoryHog,
    throttleNodeIo,
    fillNodeDisk,
    reloadServer,
    drainNodes,
    silenceNodes,
    blackHole,
    slowLink,
    resetConnections,
    pauseComponent,
    endComponent('stop-component', 'SIGTERM'),
    endComponent('kill-component', 'SIGKILL'),
  ].map((kind) => [kind.name, kind]),
);
