// Publishes a picture ten times a second: npm install && node producer.js picture.jpg
import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { Publisher } from 'zeromq';

const frames = new Publisher();
frames.connect('tcp://127.0.0.1:5555');
for (;;) {
  await frames.send(['all/cam1/', '', await readFile(process.argv[2])]);
  await setTimeout(100);
}
