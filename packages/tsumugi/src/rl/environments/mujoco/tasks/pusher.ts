// Pusher: push a cylinder on a table to a goal with an arm of seven joints. Reward −0.5 ‖tip − object‖ − ‖object − goal‖ − 0.1 ‖a‖².
// Version 4 has an object lighter than air, which MuJoCo 3 does not hold on the table, so there is none.
import { defineTask } from '../definition.ts';
import { addUniform, sumOfSquares } from './parts.ts';

const joints = 7;

export const pusher = defineTask({
  name: 'Pusher',
  models: { 5: 'pusher_v5.xml' },
  frameSkip: 5,
  maxSteps: 100,
  settings: { rewardNearWeight: 0.5, rewardDistWeight: 1, rewardControlWeight: 0.1 },
  view: { from: 'above', width: 2.4, centre: [0.2, -0.1] },
  make(simulation, settings) {
    const places = ['tips_arm', 'object', 'goal'].map((name) => 3 * simulation.body(name));
    const [tip, object, goal] = places as [number, number, number];
    const distance = (a: number, b: number) => {
      const { xpos } = simulation;
      return Math.hypot(xpos[a]! - xpos[b]!, xpos[a + 1]! - xpos[b + 1]!, xpos[a + 2]! - xpos[b + 2]!);
    };
    const size = 2 * joints + 9;
    return {
      size,
      memory: new Float64Array(0),
      remember() {},
      scatter(qpos, qvel, random) {
        // The goal stays where it is; the object lies on this side of it, but not on it.
        let [x, y] = [0, 0];
        do {
          x = random.uniform(-0.3, 0);
          y = random.uniform(-0.2, 0.2);
        } while (Math.hypot(x, y) <= 0.17);
        qpos.set([x, y, 0, 0], qpos.length - 4);
        addUniform(qvel, 0.005, random);
        qvel.fill(0, qvel.length - 4);
      },
      observe() {
        const { qpos, qvel, xpos } = simulation;
        const observation = new Float64Array(size);
        for (let i = 0; i < joints; i++) {
          observation[i] = qpos[i]!;
          observation[joints + i] = qvel[i]!;
        }
        let at = 2 * joints;
        for (const place of places) for (let axis = 0; axis < 3; axis++) observation[at++] = xpos[place + axis]!;
        return observation;
      },
      judge(action) {
        const near = -settings.rewardNearWeight * distance(object, tip);
        const away = -settings.rewardDistWeight * distance(object, goal);
        const control = -settings.rewardControlWeight * sumOfSquares(action);
        const info = { reward_dist: away, reward_ctrl: control, reward_near: near };
        return { reward: away + control + near, terminated: false, info };
      },
    };
  },
});
