import "@sst/backend-cpu";
import * as T from "@sst/tensor";
import { DecoderModel, initializeModel, KvCache, LatentStateCache, forward, DecodeStep } from "@sst/layers";
await T.ready({backend:"cpu"});
const shapes={S0:{vocabSize:512,hiddenSize:64,intermediateSize:172,numHiddenLayers:5,numAttentionHeads:8,numKeyValueHeads:4,headDim:8},
S1:{vocabSize:32000,hiddenSize:288,intermediateSize:768,numHiddenLayers:6,numAttentionHeads:6,numKeyValueHeads:6,headDim:48},
S2:{vocabSize:49152,hiddenSize:576,intermediateSize:1536,numHiddenLayers:30,numAttentionHeads:9,numKeyValueHeads:3,headDim:64}};
for (const name of (process.argv[2]??"S0,S1,S2").split(",")) for (const stream of [false,true]) {
 const config={modelType:"llama",...shapes[name],rmsNormEps:1e-5,ropeTheta:10000,tieWordEmbeddings:true,maxPositionEmbeddings:512,...(stream?{stateStream:{alphaMin:0.015,alphaMax:0.1}}:{})};
 const model=DecoderModel.fromData(initializeModel(config,new T.Random(0)));
 for (const iterations of stream?[1,2,4]:[1]) {
 const w=model.weights(); const kv=new KvCache(config,1,256), states=new LatentStateCache(config,1);
 const p=T.tensor([1,403,407,261,378,432,384,286],[1,8],"int32");
 forward(w,p,{caches:{kv,states},lastPositionOnly:true, ...(stream?{iterations}:{})}).dispose();
 const step=new DecodeStep(w,{kv,states},stream?{iterations}:{});
 const ts=[]; let tok=5;
 for(let i=0;i<200;i++){ const t=performance.now(); const x=T.tensor([tok],[1,1],"int32"); const l=step.run(x); const v=await l.data(); let b=0;for(let j=1;j<v.length;j++)if(v[j]>v[b])b=j; tok=b; x.dispose();l.dispose(); if(i>20)ts.push(performance.now()-t);}
 ts.sort((a,b)=>a-b); console.log(name,stream?"stream n="+iterations:"plain",(1000/ts[ts.length>>1]).toFixed(1),"tok/s; ms",ts[ts.length>>1].toFixed(3));
 step.dispose();kv.dispose();states.dispose();w.dispose();
 }
 model.dispose();
}
