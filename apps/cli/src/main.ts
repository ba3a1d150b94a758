#!/usr/bin/env node
import { Command } from "commander";

new Command("sst").description("State Stream Transformer").parse();
