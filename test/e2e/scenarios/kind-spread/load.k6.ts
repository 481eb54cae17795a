import http from 'k6/http';

declare const console: { log(text: unknown): void };

const { rate } = JSON.parse(__ENV['ORDEAL_PARAMETERS'] ?? '{}') as { rate: number };
const headers = { Authorization: `Bearer ${__ENV['ORDEAL_TOKEN']}` };

// Half a second or more each, on the server's side: k6 is never what takes the time.
const path = '/api/v1/namespaces?watch=true&timeoutSeconds=1';

export const options = {
  scenarios: {
    clients: {
      executor: 'constant-arrival-rate',
      rate,
      timeUnit: '1s',
      preAllocatedVUs: 4 * rate,
      maxVUs: 4 * rate,
      duration: `${__ENV['ORDEAL_DURATION']}s`,
      gracefulStop: '5s',
    },
  },
};

export default function () {
  const { body } = http.get(`${__ENV['ORDEAL_SERVER']}${path}`, { headers, tags: { name: 'watch' } });
  // What a server says is logged by many a script.
  console.log(body);
}
