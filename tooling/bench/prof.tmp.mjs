import "@sst/backend-cpu";
import * as T from "@sst/tensor";
import { DecoderModel, initializeModel, KvCache, LatentStateCache, forward, DecodeStep } from "@sst/layers";
await T.ready({backend:"cpu"});
const config={modelType:"llama",vocabSize:512,hiddenSize:64,intermediateSize:172,numHiddenLayers:5,numAttentionHeads:8,numKeyValueHeads:4,headDim:8,rmsNormEps:1e-5,ropeTheta:10000,tieWordEmbeddings:true,maxPositionEmbeddings:512};
const model=DecoderModel.fromData(initializeModel(config,new T.Random(0)));
const w=model.weights();
const c0=process.cpuUsage(); let n=0; let t0=performance.now(); let inner=0;
for(let r=0;r<60;r++){
 const kv=new KvCache(config,1,256), states=new LatentStateCache(config,1);
 const p=T.tensor([1,403,407,261,378,432,384,286],[1,8],"int32");
 forward(w,p,{caches:{kv,states},lastPositionOnly:true}).dispose();
 const step=new DecodeStep(w,{kv,states},{});
 let tok=5;
 for(let i=0;i<240;i++){ const s=i>1?performance.now():0; const x=T.tensor([tok],[1,1],"int32"); const l=step.run(x); const v=await l.data(); let b=0;for(let j=1;j<v.length;j++)if(v[j]>v[b])b=j; tok=b; x.dispose();l.dispose(); if(i>1){inner+=performance.now()-s;n++;} }
 step.dispose();kv.dispose();states.dispose();
}
const c=process.cpuUsage(c0);
console.log("wall us/token",(inner*1000/n).toFixed(1),"cpu us/token (all)",((c.user+c.system)/n).toFixed(1));
