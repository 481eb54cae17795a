import { sleep } from 'k6';
import http from 'k6/http';

const { ORDEAL_SERVER, ORDEAL_TOKEN, ORDEAL_PARAMETERS, ORDEAL_DURATION } = __ENV;
const parameters = JSON.parse(ORDEAL_PARAMETERS ?? '{}') as { path: string };

export const options = {
  scenarios: { reading: { executor: 'constant-vus', vus: 3, duration: `${ORDEAL_DURATION}s`, gracefulStop: '5s' } },
};

export default function read() {
  http.get(`${ORDEAL_SERVER}${parameters.path}`, {
    headers: { authorization: `Bearer ${ORDEAL_TOKEN}` },
    tags: { name: 'list' },
  });
  sleep(0.1);
}
