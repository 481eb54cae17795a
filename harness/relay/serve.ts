import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { Relay } from './relay.ts';
import { markFile, type Request, type Status, socketFile } from './words.ts';

// A program of its own: `serve.ts PORT FAR-PORT`, in the folder of its control socket, where a file holds the run's mark.

const longest = 64 * 1024;
const [, , port = '', far = ''] = process.argv;
const mark = readFileSync(markFile, 'utf8');
const relay = new Relay(Number(far));
await relay.listen(Number(port));
console.log(`takes connections on 127.0.0.1:${port} for 127.0.0.1:${far}`);

// By its name within this folder: a path may be longer than a socket's address.
createServer({ allowHalfOpen: true }, hear).listen(socketFile);

/** One line is asked, one is answered. */
function hear(socket: Socket): void {
  let text = '';
  socket.setEncoding('utf8');
  // Who asks and goes has no answer.
  socket.on('error', () => socket.destroy());
  socket.on('end', () => socket.end());
  socket.on('data', (data: string) => {
    text += data;
    if (text.length > longest) socket.destroy();
    else if (text.includes('\n')) socket.end(`${JSON.stringify(answer(text))}\n`);
  });
}

function answer(text: string): Status | { readonly error: string } {
  try {
    const request = JSON.parse(text) as Request & { readonly mark?: string };
    if (request.mark !== mark) throw new Error('not the mark of this run');
    if (request.ask === 'break') {
      relay.break(request.id, request.order, request.within);
      console.log(`${request.order.fault} (${request.id}), for ${request.within} ms at most`);
    } else if (request.ask === 'restore') {
      relay.restore();
      console.log('restored');
    } else if (request.ask !== 'status') throw new Error('nobody knows what is asked');
    return relay.status;
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
