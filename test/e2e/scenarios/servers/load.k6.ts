import { sleep } from 'k6';
import http from 'k6/http';

/** By server and port. */
const servers: Record<string, Record<string, string>> = JSON.parse(__ENV['ORDEAL_SERVERS'] ?? '{}');

export const options = {
  scenarios: { asking: { executor: 'constant-vus', vus: 1, duration: `${__ENV['ORDEAL_DURATION']}s` } },
};

export default function ask(): void {
  http.get(`http://${servers['coredns']?.['ready']}/ready`, { tags: { name: 'ready' } });
  sleep(0.2);
}
