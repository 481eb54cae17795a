import { sleep } from 'k6';
import http from 'k6/http';

const { ORDEAL_SERVER, ORDEAL_TOKEN, ORDEAL_CANARY, ORDEAL_DURATION } = __ENV;

declare const console: { error(text: string): void };

export const options = {
  scenarios: { telling: { executor: 'constant-vus', vus: 1, duration: `${ORDEAL_DURATION}s`, gracefulStop: '2s' } },
};

export default function tell() {
  console.error(`token ${ORDEAL_TOKEN}, environment ${ORDEAL_CANARY}, ${JSON.stringify(__ENV)}`);
  http.get(`${ORDEAL_SERVER}/api/v1/namespaces/default/secrets`, {
    headers: { authorization: `Bearer ${ORDEAL_TOKEN}` },
    tags: { name: 'list' },
  });
  sleep(0.2);
}
