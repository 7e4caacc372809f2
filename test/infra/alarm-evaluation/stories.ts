import { FLEET_STORIES } from './fleet-stories.js';
import { LEAK_STORY } from './leak-story.js';
import { ON_ALARM_FLEET_STORIES } from './on-alarm-fleet-stories.js';
import { ON_ALARM_REAPER_STORIES } from './on-alarm-reaper-stories.js';
import { ON_ALARM_SERVER_STORIES } from './on-alarm-server-stories.js';
import { REAPER_STORIES } from './reaper-stories.js';
import { SERVER_STORIES } from './server-stories.js';
import type { Story } from './story.js';

/** The story of every alarm, by what starts sweeps and by the kind of the alarm, as its name says it. */
export const STORIES: Readonly<Record<'schedule' | 'alarm', Readonly<Record<string, Story>>>> = {
  schedule: { ...SERVER_STORIES, ...FLEET_STORIES, LeakContinues: LEAK_STORY, ...REAPER_STORIES },
  alarm: { ...ON_ALARM_SERVER_STORIES, ...ON_ALARM_FLEET_STORIES, ...ON_ALARM_REAPER_STORIES },
};
